"""What `check` says of an Asterisk without asking it, or by its version. What it asks one:
`interop/test_asterisk`."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes.web import fake_web
from translink.pbx.inquiry import addresses, inquire, way_of
from translink.settings.model import Settings
from translink.settings.telephony import AriSettings


async def test_who_would_be_sent_no_audio_is_named() -> None:
    async def said(**ari: str) -> str:
        settings = AriSettings.model_validate({"password": "x", **ari})
        return "\n".join([line async for line in inquire(settings)])

    there = await said(listen="127.0.0.1:8089")
    assert "is to connect to ws://127.0.0.1:8089/ari" in there
    assert "slin16 is ONE-WAY" in there
    assert "ONE-WAY" not in await said(listen="127.0.0.1:8089", format="alaw")
    unreachable = {"url": "http://192.0.2.1:9"}
    assert not list(
        addresses(AriSettings.model_validate({"password": "x", "host": "192.0.2.7", **unreachable}))
    )
    (line,) = addresses(AriSettings.model_validate({"password": "x", **unreachable}))
    assert "HEARS ITSELF" in line


@pytest.mark.parametrize(
    ("wanted", "mend"),
    [
        ("ari.media=rtp", "ari.host"),
        ("ari.host=192.0.2.7", None),
        ("shared_port.listen=0.0.0.0:7000", "ari.host"),
        ("shared_port.listen=127.0.0.1:7000 ari.host=192.0.2.7", "shared_port.advertise"),
        ("shared_port.listen=0.0.0.0:7000 shared_port.advertise=192.0.2.7", None),
        ("ari.media=audiosocket", "ari.host"),
        ("ari.media=audiosocket audiosocket.listen=192.0.2.7:9092", None),
        ("ari.media=audiosocket audiosocket.listen=0.0.0.0:9092 ari.host=192.0.2.7", None),
        (
            "ari.media=audiosocket audiosocket.listen=127.0.0.1:9092 ari.host=192.0.2.7",
            "audiosocket.listen",
        ),
        ("ari.media=websocket websocket.listen=127.0.0.1:9093", None),
    ],
)
def test_the_setting_that_keeps_the_audio_there_is_named(
    tmp_path: Path, wanted: str, mend: str | None
) -> None:
    flags = {"--ari": "http://192.0.2.1:8088", "--set": wanted.split()}
    given = {"TRANSLINK_ARI__PASSWORD": "x"}
    settings = Settings.load(environ=given, flags=flags, directory=tmp_path)
    said = list(addresses(settings.ari, way_of(settings)))
    assert len(said) == (mend is not None)
    assert all(f"set {mend} to" in line for line in said)


@pytest.mark.parametrize(
    ("version", "wanted", "mend"),
    [
        ("20.6.0~dfsg+~cs6.13", {"media": "audiosocket"}, 'ari.format = "slin"'),
        ("22.6.1", {"media": "audiosocket"}, 'ari.format = "slin"'),
        ("22.7.0", {"media": "audiosocket"}, None),
        ("20.6.0", {"media": "audiosocket", "format": "slin"}, None),
        ("22.7.0", {"media": "websocket"}, 'ari.media = "rtp"'),
        ("21.12.1", {"media": "websocket"}, 'ari.media = "rtp"'),
        ("23.2.0", {"media": "websocket"}, None),
        ("24.0.0", {"media": "websocket"}, None),
        ("GIT-master-0123abc", {"media": "websocket"}, None),
        ("20.6.0", {}, None),
    ],
)
async def test_an_asterisk_that_is_too_old_for_the_medium_is_named(
    version: str, wanted: dict[str, str], mend: str | None
) -> None:
    async def asterisk(request: web.Request) -> web.Response:
        answers: dict[str, object] = {"info": {"system": {"version": version}}, "modules": []}
        what = request.path.rpartition("/")[2]
        return web.json_response(answers[what]) if what in answers else web.Response(status=404)

    async with fake_web(asterisk) as fake:
        ari = AriSettings.model_validate({"url": fake.url, "password": "x", **wanted})
        said = [line async for line in inquire(ari)]
    assert f"Asterisk {version} at {fake.url}, application translink" in said
    old = [line for line in said if line.startswith("TOO OLD")]
    assert len(old) == (mend is not None)
    assert all(f"set {mend}" in line for line in old)
