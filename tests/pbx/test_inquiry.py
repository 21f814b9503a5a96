"""What `check` says of an Asterisk without asking it. What it asks one: `interop/test_asterisk`."""

from __future__ import annotations

from translink.pbx.inquiry import addresses, inquire
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
