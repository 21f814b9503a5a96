"""`translink check --live` against our offline server's stand-in, faulty providers and a poor machine."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.in_process import settings_for
from translink.commands import live_check
from translink.commands.live_check import EXIT_CODES, exit_code, look, run_live_check
from translink.commands.machine_check import LiveFinding, look_at_certificate, look_at_clock
from translink.offline.child import ServerChild


class SmallPlan(FakeProviders):
    """Of fifteen texts that are spoken at once, Deepgram refuses the sixteenth."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most = 0

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.at_once > 15:
                return web.json_response({"err_code": "TOO_MANY_REQUESTS"}, status=429)
            await asyncio.sleep(0.1)
            return await super()._speak(request)
        finally:
            self.at_once -= 1


def wrong(found: list[LiveFinding]) -> dict[str, str]:
    return {finding.what: finding.cause for finding in found if finding.cause}


async def test_each_provider_is_asked_in_each_language_and_way(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    found = await look(settings_for(own_fake.url, tmp_path))
    assert wrong(found) == {}
    assert exit_code(found) == 0
    assert sorted(stream.language for stream in own_fake.streams) == ["en", "fr"]
    assert all(stream.bytes == 32_000 and stream.closed_in_order for stream in own_fake.streams)
    assert sorted(upload.language for upload in own_fake.uploads) == ["en", "fr"]
    assert not any(upload.silent for upload in own_fake.uploads)
    assert {(asked.source, asked.target) for asked in own_fake.asked} == {
        ("EN", "FR"),
        ("FR", "EN-US"),
    }
    assert len(own_fake.spoken) == 2
    assert {"ports", "descriptors", "clock"} <= {finding.what for finding in found}


async def test_the_voices_of_ten_pairs_are_not_asked_for_beyond_what_a_plan_allows_at_once(
    tmp_path: Path,
) -> None:
    place: dict[str, object] = {"listen": "127.0.0.1:0", "send_from_listen": True}
    legs: list[dict[str, object]] = [
        {"name": str(5000 + number), "language": ("en", "fr")[number % 2], **place}
        for number in range(20)
    ]
    plan = SmallPlan()
    async with fake_providers(plan):
        found = await look(settings_for(plan.url, tmp_path, f"legs={json.dumps(legs)}"))
    voices = [finding for finding in found if finding.what.startswith("deepgram.speak")]
    assert len(voices) == 20
    assert not [finding for finding in voices if finding.cause]
    assert plan.most <= live_check.QUESTIONS_AT_ONCE


@pytest.mark.parametrize(
    ("service", "status", "cause", "said"),
    [
        ("listen", 401, "refused", "set DEEPGRAM_API_KEY"),
        ("listen", 400, "refused", "the model, the language"),
        ("listen", 302, "refused", "no redirect is followed"),
        ("translate", 404, "refused", "the address, the model and the voice"),
        ("prerecorded", 503, "unreachable", "network"),
        ("translate", 403, "refused", "set DEEPL_API_KEY; one that ends in :fx"),
        ("listen", 403, "refused", "look at the model"),
        ("translate", 456, "refused", "nothing left"),
        ("speak", 429, "unreachable", "limit"),
    ],
)
async def test_a_provider_that_refuses_is_named_with_the_mend_and_without_the_key(
    own_fake: FakeProviders, tmp_path: Path, service: str, status: int, cause: str, said: str
) -> None:
    own_fake.refuse[service] = status
    found = await look(settings_for(own_fake.url, tmp_path))
    bad = [finding for finding in found if finding.cause]
    assert len(bad) == 2  # one a language or a way
    assert {finding.cause for finding in bad} == {cause}
    assert all(said in finding.mend and str(status) in finding.detail for finding in bad)
    assert not any("0123456789abcdef" in finding.detail for finding in found)
    assert exit_code(found) == {"refused": 3, "unreachable": 4}[cause]


async def test_an_account_with_nothing_left_is_not_told_to_set_its_key(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    own_fake.refuse["translate"] = 401
    own_fake.refusal_name = "quota_exceeded"
    found = await look(settings_for(own_fake.url, tmp_path))
    mends = {finding.mend for finding in found if finding.cause}
    assert mends == {"the account has nothing left"}


async def test_a_server_that_is_not_there_or_never_answers_is_not_reached(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_check, "ANSWER_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = await look(settings_for(url, tmp_path))
    assert set(wrong(found).values()) == {"unreachable"}
    assert len(wrong(found)) == 8
    found = await look(settings_for("http://127.0.0.1:9", tmp_path))
    assert exit_code(found) == 4


async def test_ports_in_use_certificates_at_their_end_and_few_descriptors_are_the_machines(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "both.pem"
    ends = datetime.now(UTC) + timedelta(days=3)
    issued = trustme.CA().issue_cert("localhost", not_after=ends)
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        more = (f"legs.3333.listen=127.0.0.1:{port}", f"admin.tls_cert={pem}")
        found = await look(settings_for(own_fake.url, tmp_path, *more))
    assert wrong(found) == dict.fromkeys(
        ("legs.3333.listen", "certificate", "descriptors"), "machine"
    )
    assert exit_code(found) == 5
    (detail,) = (finding.detail for finding in found if finding.what == "certificate")
    assert "ends in" in detail


@pytest.mark.parametrize(("days", "cause"), [(90, ""), (-1, "machine")])
async def test_a_certificate_is_good_until_it_ends(tmp_path: Path, days: int, cause: str) -> None:
    pem = tmp_path / "both.pem"
    ends = datetime.now(UTC) + timedelta(days=days)
    issued = trustme.CA().issue_cert("localhost", not_after=ends)
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    settings = settings_for("http://127.0.0.1:9", tmp_path, f"admin.tls_cert={pem}")
    (finding,) = look_at_certificate(settings)
    assert finding.cause == cause, finding


async def test_what_a_leg_alone_names_is_asked_too_and_the_voice_that_would_speak(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    more = (
        "openai.api_key=file:" + str(tmp_path / "key"),
        f"openai.base_url={own_fake.url}",
        'legs.3333.orders.translate=["openai", "deepl"]',
        "legs.3333.voice_for=aura-2-nobody-fr",
    )
    (tmp_path / "key").write_text("oa-0123456789abcdef")
    own_fake.unknown_voices = {"aura-2-nobody-fr"}
    found = await look(settings_for(own_fake.url, tmp_path, *more))
    assert set(wrong(found)) == {
        "openai.translate (en to fr)",
        "openai.translate (fr to en)",
        "deepgram.speak (fr, aura-2-nobody-fr)",
    }
    findings = {finding.what: finding for finding in found}
    voice = findings["deepgram.speak (fr, aura-2-nobody-fr)"]
    assert "the voice aura-2-nobody-fr is refused, its usual one would speak" in voice.detail
    assert "voice in the settings" in voice.mend
    # As in a call: the second talker of a pair has a masculine voice.
    assert "deepgram.speak (en, for 4444)" in findings
    assert ("aura-2-orion-en", "Line B1.") in own_fake.spoken, own_fake.spoken


async def test_the_key_that_is_refused_is_named_by_its_own_setting(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    account = f'[{{"api_key": "file:{tmp_path / "key"}", "server_url": "{own_fake.url}"}}]'
    (tmp_path / "key").write_text("d2-0123456789abcdef")
    own_fake.refuse["translate"] = 403
    found = await look(settings_for(own_fake.url, tmp_path, f"fallback.deepl={account}"))
    mends = {finding.what: finding.mend for finding in found if finding.cause}
    assert mends["deepl (en to fr)"].startswith("set DEEPL_API_KEY;")
    assert mends["deepl.2 (en to fr)"].startswith("set fallback.deepl.0.api_key;")


async def test_a_language_that_there_is_nobody_to_ask_for_is_a_wrong_setting(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    swahili = "legs.3333.language=sw", "legs.3333.original=captions"
    found = await look(settings_for(own_fake.url, tmp_path, *swahili))
    assert wrong(found) == {"languages fr, sw": "setting"}
    assert exit_code(found) == 2


@pytest.mark.parametrize(
    ("setting", "more"),
    [
        ("audiosocket.listen", ()),
        ("websocket.listen", ()),
        ("admin.port", ()),
        ("ari.listen", ("ari.password=file:{folder}/password",)),
        ("placement.listen", ("placement.nats=nats://127.0.0.1:9",)),
    ],
)
async def test_every_address_that_is_listened_on_is_tried(
    own_fake: FakeProviders, tmp_path: Path, setting: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "password").write_text("a-password")
    more = tuple(each.format(folder=tmp_path) for each in more)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        value = port if setting == "admin.port" else f"127.0.0.1:{port}"
        found = await look(settings_for(own_fake.url, tmp_path, f"{setting}={value}", *more))
    assert wrong(found) == {setting: "machine"}


async def test_a_clock_is_compared_with_somebody_elses_or_it_is_said_that_it_is_not() -> None:
    finding = await look_at_clock([])
    assert (finding.cause, finding.detail) == ("", "not compared: all engines are on this machine")
    finding = await look_at_clock(["http://127.0.0.1:9"])
    assert (finding.cause, finding.detail) == ("", "not compared: no provider gave the time")


@pytest.mark.timeout(300)
async def test_our_offline_server_passes(tmp_path: Path) -> None:
    """Another server than the fake, with the same protocol: ours, with engines for tests."""
    child = ServerChild([sys.executable, "-m", "translink.sim.testbed"])
    url = await child.start()
    try:
        found = await look(settings_for(url, tmp_path))
    finally:
        await child.stop()
    assert wrong(found) == {}


def test_the_report_is_json_on_request_and_ends_with_the_gravest_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for("http://127.0.0.1:9", tmp_path)
    assert run_live_check(settings, json=True) == 4
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["exit_code"]) == (False, 4)
    assert {"what", "detail", "cause", "mend", "ok"} == set(answer["findings"][0])
    assert run_live_check(settings) == 4
    assert "UNREACHABLE deepgram.listen (en): " in capsys.readouterr().out
    both = [LiveFinding("a", "b", cause) for cause in reversed(EXIT_CODES)]
    assert exit_code(both) == 2
