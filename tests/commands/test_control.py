"""`translink status`, `mode` and `end` against a running server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fakes.providers import FakeProviders
from tests.support.in_process import settings_for
from tests.test_cli import run
from translink.admin.access import self_signed
from translink.app import App
from translink.commands import control
from translink.commands.control import (
    SERVER_SAYS_NO,
    TOKEN_REFUSED,
    Target,
    run_end,
    run_health,
    run_mode,
    run_status,
    target_of,
)
from translink.commands.machine_check import look_at_ports
from translink.commands.takeover import predecessor
from translink.errors import SettingsError
from translink.face import sums
from translink.process.threads import in_thread
from translink.settings.model import Settings

TOKEN = "0123456789abcdef-control"
SECONDS = 60.0


def guarded(url: str, folder: Path, *more: str) -> Settings:
    (folder / "token").write_text(TOKEN)
    return settings_for(url, folder, *more, token=TOKEN)


def url_of(app: App) -> str:
    assert app._admin is not None
    return app._admin.url


async def test_an_operator_sees_switches_and_ends(
    own_fake: FakeProviders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = guarded(own_fake.url, tmp_path)
    app = App(settings, lambda: settings)
    async with app.running():
        here = target_of(settings, url_of(app), f"file:{tmp_path / 'token'}")
        capsys.readouterr()
        assert await in_thread(lambda: run_status(here), SECONDS) == 0
        out = capsys.readouterr().out
        assert "calls may  ready" in out
        assert "provider   deepl: works" in out
        assert "call       none" in out
        assert await in_thread(lambda: run_status(here, json=True), SECONDS) == 0
        assert json.loads(capsys.readouterr().out)["stats"]["mode"] == "auto"

        def switch(mode: str | None, leg: str | None = None) -> int:
            return run_mode(here, mode=mode, leg=leg, share=None)

        assert await in_thread(lambda: switch("prerecorded"), SECONDS) == 0
        assert app.switchboard.mode == "prerecorded"
        assert await in_thread(lambda: switch("streaming", "3333"), SECONDS) == 0
        assert app.switchboard.mode_of("3333") == "streaming"
        capsys.readouterr()
        assert await in_thread(lambda: switch(None), SECONDS) == 0
        assert capsys.readouterr().out == "mode prerecorded\n"
        assert await in_thread(lambda: switch("fast"), SECONDS) == 1
        assert await in_thread(lambda: switch("auto", "nobody"), SECONDS) == 1
        assert "no leg of that name" in capsys.readouterr().err
        assert await in_thread(lambda: run_end(here, "no/such call"), SECONDS) == 1
        assert "no call of that name" in capsys.readouterr().err
        assert await in_thread(lambda: run_health(here), SECONDS) == 0
        assert await in_thread(lambda: run_health(here, ready=True), SECONDS) == 0
        app.condition.draining = True
        assert await in_thread(lambda: run_status(here), SECONDS) == 1
        assert "NOT READY: draining\n" in capsys.readouterr().out
        assert await in_thread(lambda: run_health(here, ready=True), SECONDS) == 1
        assert json.loads(capsys.readouterr().out)["draining"] is True
        assert await in_thread(lambda: run_health(here), SECONDS) == 0
        stranger = Target(here.url, "wrong-0123456789")
        assert await in_thread(lambda: run_status(stranger), SECONDS) == 4
        shown = capsys.readouterr().err
        assert "wrong-0123456789" not in shown


async def test_the_settings_own_server_is_asked_with_its_token_and_its_certificate(
    own_fake: FakeProviders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = tmp_path / "both.pem"
    issued = trustme.CA().issue_cert("calls.example.com")
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    settings = guarded(own_fake.url, tmp_path, f"admin.tls_cert={pem}")
    app = App(settings, lambda: settings)
    async with app.running():
        port = int(url_of(app).rpartition(":")[2])
        there = guarded(own_fake.url, tmp_path, f"admin.tls_cert={pem}", f"admin.port={port}")
        target = target_of(there, None, None)
        assert (target.url, target.token) == (f"https://127.0.0.1:{port}", TOKEN)
        assert await in_thread(lambda: run_status(target), SECONDS) == 0
        assert "calls may  ready" in capsys.readouterr().out
        other = tmp_path / "other.pem"
        issued = trustme.CA().issue_cert("calls.example.com")
        issued.private_key_and_cert_chain_pem.write_to_path(str(other))
        changed = guarded(own_fake.url, tmp_path, f"admin.tls_cert={other}", f"admin.port={port}")
        with pytest.raises(SettingsError, match="there shows another certificate"):
            await predecessor(changed)


async def test_a_server_with_a_certificate_of_its_own_making_is_asked_too(
    own_fake: FakeProviders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tls = "admin.tls_self_signed=true"
    settings = guarded(own_fake.url, tmp_path, tls)
    app = App(settings, lambda: settings)
    async with app.running():
        port = int(url_of(app).rpartition(":")[2])
        there = guarded(own_fake.url, tmp_path, tls, f"admin.port={port}")
        target = target_of(there, None, None)
        assert target.url == f"https://127.0.0.1:{port}"
        assert await in_thread(lambda: run_status(target), SECONDS) == 0
        (tmp_path / "token").write_text(TOKEN)
        # Only the server was asked to, by --tls-self-signed.
        plain = guarded(own_fake.url, tmp_path)
        named = target_of(plain, target.url, f"file:{tmp_path / 'token'}")
        assert await in_thread(lambda: run_status(named), SECONDS) == 0
        assert capsys.readouterr().out.count("calls may  ready") == 2
        # The machine gets another address, and then a successor makes a certificate for that.
        monkeypatch.setattr(self_signed, "_addresses", lambda: ["192.0.2.9"])
        moved = target_of(there, None, None)
        assert await in_thread(lambda: run_status(moved), SECONDS) == 0
        self_signed.self_signed(there.admin.host, there.admin.allowed_hosts)
        several = target_of(there, None, None)
        assert await in_thread(lambda: run_status(several), SECONDS) == 0
        before = await predecessor(there)
        assert before is not None
        assert before.pid == os.getpid()


async def test_a_server_that_answers_to_one_name_only_is_asked_by_that_name(
    own_fake: FakeProviders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a container: every interface, and browsers that know it by a name."""
    reached = "admin.host=0.0.0.0", "admin.allowed_hosts=calls.example.com,calls.example.com:8443"
    settings = guarded(own_fake.url, tmp_path, *reached)
    app = App(settings, lambda: settings)
    async with app.running():
        port = int(url_of(app).rpartition(":")[2])
        there = guarded(own_fake.url, tmp_path, *reached, f"admin.port={port}")
        here = target_of(there, None, None)
        assert here.url == f"http://127.0.0.1:{port}"
        assert await in_thread(lambda: run_health(here), SECONDS) == 0
        assert await in_thread(lambda: run_status(here), SECONDS) == 0
        assert "calls may  ready" in capsys.readouterr().out
        before = await predecessor(there)
        assert before is not None
        assert before.pid == os.getpid()
        (ports,) = await look_at_ports(there)
        assert "in use by the translink that answers" in ports.detail
        # Another server's name is that of its URL.
        assert target_of(there, here.url, None).host == ""
        stranger = Target(here.url, TOKEN)
        assert await in_thread(lambda: run_health(stranger), SECONDS) == SERVER_SAYS_NO
        said = capsys.readouterr().err
        assert "Host should be" in said
        assert "admin.token" not in said, "the token is right"


async def test_the_wrong_token_of_one_client_makes_the_server_no_ill_one(
    own_fake: FakeProviders,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They share an address, as programs of one machine do."""
    settings = guarded(own_fake.url, tmp_path)
    app = App(settings, lambda: settings)
    async with app.running():
        here = target_of(settings, url_of(app), f"file:{tmp_path / 'token'}")
        guesser = Target(here.url, "wrong-0123456789")
        assert await in_thread(lambda: run_status(guesser), SECONDS) == TOKEN_REFUSED
        assert "admin.token" in capsys.readouterr().err
        assert app._admin is not None
        # As after ten of them, for longer than this test may take.
        monkeypatch.setattr(app._admin.guard.throttle, "wait", lambda *_: 600.0)
        assert await in_thread(lambda: run_status(here), SECONDS) == SERVER_SAYS_NO
        said = capsys.readouterr().err
        assert "429: too many wrong tokens" in said
        assert "admin.token" not in said, "the token is right"
        assert await in_thread(lambda: run_health(here), SECONDS) == 0
        assert await in_thread(lambda: run_health(here, ready=True), SECONDS) == 0


def test_status_says_of_each_worker_why_it_takes_no_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    well = {"ok": True, "down": [], "draining": False, "drain": None, "engines": "up"}
    drain = "draining: 1 call runs; talking: 3333"
    ill = {**well, "ok": False, "down": ["speech", "hearing"], "draining": True, "drain": drain}
    answers: dict[str, dict[str, Any]] = {
        "/ready": {"ok": False, "nodes": {"w1": ill, "w2": well, "w3": None}, "silent": ["w3"]},
        "/api/stats": {"version": "1", "uptime": 9.0, "mode": "auto", "providers": {}},
        "/api/calls": {"calls": []},
    }
    monkeypatch.setattr(control, "asked", lambda _target, _, path, **__: (503, answers[path]))
    assert run_status(Target("http://127.0.0.1:3020", "")) == SERVER_SAYS_NO
    said = capsys.readouterr().out
    assert f"NOT READY: w1: down speech, hearing; {drain}; silent w3\n" in said


def test_status_and_mode_say_that_no_worker_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the second in which all of them start."""
    answers: dict[str, dict[str, Any]] = {
        "/ready": {"ok": False, "nodes": {"w1": None}, "silent": ["w1"], "starting": ["w1"]},
        "/api/stats": sums.stats({"w1": None}),
        "/api/calls": {"calls": []},
    }
    monkeypatch.setattr(control, "asked", lambda _target, _, path, **__: (503, answers[path]))
    here = Target("http://127.0.0.1:3020", "")
    assert run_status(here) == SERVER_SAYS_NO
    said = capsys.readouterr().out
    assert "server     http://127.0.0.1:3020, none of its workers answers\n" in said
    assert "NOT READY: silent w1; starting w1\n" in said
    assert run_mode(here, mode=None, leg=None, share=None) == SERVER_SAYS_NO
    assert "none of its workers answers" in capsys.readouterr().err


def test_a_token_goes_to_no_other_server_and_stands_on_no_command_line(tmp_path: Path) -> None:
    settings = guarded("http://127.0.0.1:9", tmp_path)
    (tmp_path / "two").write_text("plain-0123456789\nnext-0123456789\n")
    assert target_of(settings, "http://10.0.0.1:3020", None).token == ""
    for url, token, reason in (
        (None, None, "admin.port = 0"),
        ("http://127.0.0.1:9", "plain-0123456789", "everybody on this machine"),
        ("ftp://x", None, "--url"),
        ("http://127.0.0.1:99999", None, "--url"),
        (f"http://{'x' * 64}.example", None, "--url"),
        ("http://300.0.0.1:3020", None, "--url"),
        ("http://127.0.0.1:9", "file:/nowhere/token", "cannot be read"),
        ("http://127.0.0.1:9", f"file:{tmp_path / 'two'}", "--token: should be the key alone"),
    ):
        with pytest.raises(SettingsError, match=reason) as caught:
            target_of(settings, url, token)
        assert "0123456789" not in str(caught.value)


def test_nobody_there_is_said_with_its_own_code(tmp_path: Path) -> None:
    done = run("status", "--url", "http://127.0.0.1:9", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "translink: http://127.0.0.1:9 does not answer: Connection refused" in done.stderr
    assert run("mode", "--leg", "3333", cwd=tmp_path).returncode == 2
