"""The program in process: what it says of itself when something is wrong with it."""

from __future__ import annotations

import os
import re
import resource
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme

from tests.fakes.providers import FakeProviders
from tests.support.in_process import settings_for
from tests.support.serve import until
from translink.admin.panel.metrics import exposition
from translink.app import App
from translink.errors import SettingsError
from translink.observe.strain import StrainReport
from translink.process import clock
from translink.process.meter import LoadMeter
from translink.process.pressure import STEP_SECONDS
from translink.settings.model import Settings
from translink.wiring.membership import Membership


async def test_a_dead_media_thread_is_no_health_and_the_end(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    settings = settings_for(own_fake.url, tmp_path)
    app = App(settings, lambda: settings)
    async with app.running():
        assert app.console.health()[0]
        assert app.console.ready()[0]
        app._media_died()
        assert (app.console.health()[0], app.console.ready()[0]) == (False, False)
        assert app.stop.is_set()
        assert app.condition.died


async def test_between_calls_the_time_of_day_is_the_machines_again(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where NTP sets the clock after the start.
    monkeypatch.setattr(clock._Offset, "seconds", clock._Offset.seconds - 3_600)
    settings = settings_for(own_fake.url, tmp_path)
    app = App(settings, lambda: settings)
    async with app.running():
        await until(lambda: abs(clock.unix() - time.time()) < 5)
        assert app.console.system()["uptime"] < 1_800, "it runs no longer for that"


async def test_a_leg_out_of_service_is_reported_by_readiness(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    settings = settings_for(own_fake.url, tmp_path)
    app = App(settings, lambda: settings)
    async with app.running():
        app.switchboard.out_of_service.add("3333")
        ready, answer = app.console.ready()
        assert (ready, answer["legs_out_of_service"]) == (False, ["3333"])
        assert app.console.health()[0]


async def test_an_overload_is_reported_by_readiness_events_and_statistics(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("translink.observe.strain.log.warning", lambda text, **_: said.append(text))
    settings = settings_for(own_fake.url, tmp_path, "pressure.refuse=0.9")
    app = App(settings, lambda: settings)
    async with app.running():
        assert app.console.ready()[1]["load"] is None
        report = StrainReport(app.pressure, app.journal, lambda: 0)
        meter = LoadMeter(app.pressure, report.changed)
        for step in range(10):
            meter._tell(1e9 + step * STEP_SECONDS, 0.0, 1.0)
        ready, answer = app.console.ready()
        assert (ready, answer["load"]) == (False, "overloaded")
        assert app.console.measures().stats["pressure"]["level"] == "refuse"
        levels = [event.data["level"] for event in app.journal.events if event.type == "pressure"]
        assert levels == ["shed", "coalesce", "refuse"]
        assert said[-1] == "load: no new calls; those that run go on"
        app.pressure.given_up["calls"] += 3
        metrics = b"".join(exposition(app.console.measures())).decode().splitlines()
        assert 'translink_given_up_total{what="calls"} 3.0' in metrics
        assert "translink_pressure_frames_per_message 5.0" in metrics


async def test_what_cannot_be_bound_is_named_with_its_mend(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for setting, reason in (
            (f"admin.port={port}", f"admin.port = {port}: is taken by another program"),
            ("admin.tls_cert=/nowhere/cert.pem", "admin.tls_cert = '/nowhere/cert.pem': cannot be"),
            ("legs.3333.listen=192.0.2.1:1", "legs.3333.listen = 192.0.2.1:1: is no address of"),
        ):
            settings = settings_for(own_fake.url, tmp_path, setting)
            with pytest.raises(SettingsError, match=re.escape(reason)):
                async with App(settings, lambda: settings).running():  # noqa: B023 - not called
                    pytest.fail("it runs")


async def test_reloaded_settings_show_what_is_in_force_and_say_what_is_not(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(
        "translink.commands.reloading.log.warning", lambda text, **_: warned.append(text)
    )
    now = settings_for(own_fake.url, tmp_path)
    new = settings_for(
        own_fake.url,
        tmp_path,
        "mode=prerecorded",
        "streaming_share=0.5",
        "legs.4444.mode=streaming",
    )
    app = App(now, lambda: new)
    async with app.running():
        await app.reload()
        assert warned == []
        assert _modes(app) == ("prerecorded", 0.5, [None, "streaming"])
        new = settings_for(own_fake.url, tmp_path, "mode=streaming", "idle_timeout=7")
        await app.reload()
        assert warned == ["settings reloaded: modes and share; the rest needs a restart"]
        assert _modes(app) == ("streaming", 1.0, [None, None])
        assert app.console.settings()[0]["idle_timeout"] == 30.0


async def test_what_was_switched_stays_when_settings_that_nobody_edited_are_read_again(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    settings = settings_for(own_fake.url, tmp_path)
    edited = settings_for(own_fake.url, tmp_path, "mode=streaming")
    read = iter([settings, settings, edited])
    app = App(settings, lambda: next(read))
    async with app.running():
        with structlog.testing.capture_logs() as lines:
            await app.reload()
            app.console.set_mode("prerecorded")
            await app.reload()
            assert _modes(app)[0] == "prerecorded"
            await app.reload()
            assert _modes(app)[0] == "streaming"
    told = [line for line in lines if "what was switched live stays" in line["event"]]
    assert [(line["mode"], line["settings_mode"]) for line in told] == [("prerecorded", "auto")]


async def test_settings_that_cannot_be_read_in_time_stop_nothing(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody writes to: reading it on the loop stopped every call."""
    monkeypatch.setattr("translink.commands.reloading.RELOAD", 0.2)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    settings = settings_for(own_fake.url, tmp_path)

    def read() -> Settings:
        pipe.read_text()
        return settings

    app = App(settings, read)
    async with app.running():
        with structlog.testing.capture_logs() as lines:
            await app.reload()
        assert [line["reason"] for line in lines] == ["reading them took more than 0.2 s"]
    with pipe.open("w"):  # lets the thread go
        pass


def _modes(app: App) -> tuple[str, float, list[Any]]:
    shown, legs = app.console.settings()
    return shown["mode"], shown["streaming_share"], [leg["mode"] for leg in legs]


async def test_a_worker_that_is_given_its_settings_again_follows_them(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    """Also where they are those of its start: it was switched over the API since."""
    settings = settings_for(own_fake.url, tmp_path, "mode=prerecorded")
    member = Membership("w1", 1, None, "http://127.0.0.1:1", lambda _: None)
    app = App(settings, lambda: settings, member=member)
    async with app.running():
        app.console.set_mode("auto")
        await app.reload()
        assert _modes(app)[0] == "prerecorded"


async def test_a_signal_that_brings_a_worker_no_settings_leaves_it_as_it_is(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    """As of `systemctl kill -s HUP`, which goes to every process: a roll-back was undone in all workers."""
    settings = settings_for(own_fake.url, tmp_path, "mode=streaming")
    member = Membership("w1", 1, None, "http://127.0.0.1:1", lambda _: None, lambda: False)
    app = App(settings, lambda: settings, member=member)
    async with app.running():
        app.console.set_mode("prerecorded")
        with structlog.testing.capture_logs() as lines:
            await app.reload()
        assert _modes(app)[0] == "prerecorded"
    assert [line["event"] for line in lines if "settings" in line["event"]] == []


@pytest.mark.parametrize(
    ("more", "servers"),
    [((), 1), (("placement.nats=nats://127.0.0.1:9",), 2)],
    ids=["alone", "in a fleet"],
)
async def test_with_the_settings_the_certificate_of_each_port_is_read_again(
    own_fake: FakeProviders, tmp_path: Path, more: tuple[str, ...], servers: int
) -> None:
    issued = trustme.CA().issue_cert("localhost")
    pem = tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    settings = settings_for(own_fake.url, tmp_path, f"admin.tls_cert={pem}", *more)
    app = App(settings, lambda: settings)
    async with app.running():
        pem.write_text("")
        with structlog.testing.capture_logs() as lines:
            await app.reload()
    errors = [line["event"] for line in lines if line["log_level"] == "error"]
    assert errors == ["certificate not reloaded"] * servers


async def test_a_file_with_a_key_that_all_can_read_is_warned_of(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    file = tmp_path / "translink.toml"
    file.write_text("[admin]\ntoken = '0123456789abcdef'\n")
    file.chmod(0o644)
    settings = settings_for(own_fake.url, tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with App(settings, lambda: settings).running():
            pass
    assert [line["file"] for line in lines if "can be read by everybody" in line["event"]] == [
        str(file)
    ]


async def test_what_can_never_be_spoken_or_is_not_used_is_said_at_the_start(
    own_fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.test:3128")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    settings = settings_for(own_fake.url, tmp_path, "legs.3333.language=sw")
    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(SettingsError, match=r"legs\.3333\.language = 'sw': there is no voice"),
    ):
        async with App(settings, lambda: settings).running():
            pytest.fail("it runs")
    assert [line["event"] for line in lines if "HTTPS_PROXY: not used" in line["event"]]
    assert [line for line in lines if "descriptors are allowed" in line["event"]]
    for mend in ("voices.sw=aura-9-x-sw", "legs.3333.voice=v", "legs.3333.original=captions"):
        settings = settings_for(own_fake.url, tmp_path, "legs.3333.language=sw", mend)
        async with App(settings, lambda: settings).running():  # noqa: B023 - not called
            pass


async def test_a_flag_in_the_environment_that_beats_the_edited_file_is_said_on_reload(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    (tmp_path / ".env.externalmedia").write_text("USE_DEEPGRAM_STREAMING=false\n")
    environ = {"USE_DEEPGRAM_STREAMING": "true", "DEEPGRAM_API_KEY": "k"}
    new = Settings.load(environ=environ, directory=tmp_path)
    now = settings_for(own_fake.url, tmp_path)
    app = App(now, lambda: new)
    async with app.running():
        with structlog.testing.capture_logs() as lines:
            await app.reload()
    assert [line["event"] for line in lines if "beats" in line["event"]] == [
        "USE_DEEPGRAM_STREAMING (environment) beats USE_DEEPGRAM_STREAMING "
        f"({tmp_path / '.env.externalmedia'}, line 1): editing the file changes nothing"
    ]
