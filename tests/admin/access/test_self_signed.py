"""A certificate of our own making."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import time
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access.self_signed import kept, self_signed
from translink.errors import SettingsError
from translink.settings.admin import AdminSettings


async def test_it_serves_this_machine_and_is_kept_until_it_is_old(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = AdminSettings(port=0, tls_self_signed=True)
    server = AdminServer.from_settings(Program(), settings)
    await server.start()
    (file,) = (tmp_path / "translink").iterdir()
    trusting = ssl.create_default_context(cafile=file)
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{server.port}/health"
        async with http.get(url, ssl=trusting) as answer:
            assert answer.status in (200, 503)
    await server.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert self_signed("127.0.0.1") == file
    assert file.read_bytes() == before
    os.utime(file, (0, time.time() - 310 * 86_400))
    assert self_signed("127.0.0.1") == file
    assert file.read_bytes() != before
    # A server that runs still shows the one before.
    older = file.with_suffix(".old.pem")
    assert older.read_bytes() == before
    assert stat.S_IMODE(older.stat().st_mode) == 0o600
    assert kept("127.0.0.1") == [file, older]
    assert self_signed("127.0.0.1", ["calls.example.com:3020", "192.0.2.7"]) != file


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        self_signed("127.0.0.1", folder=taken / "below")
    false = shutil.which("false")
    monkeypatch.setattr(shutil, "which", lambda _: false)
    with pytest.raises(SettingsError, match="openssl failed"):
        self_signed("127.0.0.1", folder=tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SettingsError, match="apt-get install openssl"):
        self_signed("127.0.0.1", folder=tmp_path)


def test_openssl_gets_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(program))
    monkeypatch.setenv("DEEPGRAM_API_KEY", "a-key-of-ours")
    monkeypatch.setenv("OF_OTHERS", "kept")
    told = self_signed("127.0.0.1", folder=tmp_path / "state").read_text()
    assert "OF_OTHERS=kept" in told
    assert "a-key-of-ours" not in told
