"""The local engines end without being asked: said, and mended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
import structlog

from tests.offline.real import needs_engines
from tests.support.serve import runs, until
from translink.app import App
from translink.errors import TranslinkError
from translink.offline.child import OfflineProcess, ServerChild
from translink.offline.keeper import keep
from translink.process.restarts import Restarts
from translink.settings.model import Settings


class Scripted:
    """A server whose starts and ends are decided from outside."""

    def __init__(self, *starts: Exception | None) -> None:
        self.starts = list(starts)
        self.stops = 0
        self.over = asyncio.Event()

    async def start(self) -> str:
        if problem := self.starts.pop(0):
            raise problem
        return "http://127.0.0.1:9"

    async def stop(self) -> None:
        self.stops += 1

    async def ended(self) -> int:
        await self.over.wait()
        self.over.clear()
        return -9


async def test_an_end_is_said_and_starts_are_tried_until_one_succeeds() -> None:
    server = Scripted(TranslinkError("no port"), OSError("no memory"), None)
    states: list[bool] = []
    with structlog.testing.capture_logs() as lines:
        keeping = asyncio.create_task(keep(server, states.append, Restarts((0.0,))))
        await asyncio.sleep(0)
        assert states == []
        server.over.set()
        await until(lambda: states == [False, True])
        keeping.cancel()
    assert server.stops == 3, "what is left of it is ended before the next start"
    assert [line["event"] for line in lines] == [
        "the local engines ended and are started again",
        "the local engines do not start",
        "the local engines do not start",
        "the local engines are back",
    ]
    assert lines[0]["reason"] == "killed by SIGKILL (out of memory?)"
    assert [line.get("reason") for line in lines[1:3]] == ["no port", "no memory"]


async def test_a_child_that_is_not_ready_is_ended_at_once_with_all_its_own(
    tmp_path: Path,
) -> None:
    """A stop while engines loaded took 3 s and more: a grandchild kept the pipe open."""
    program = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))\n"
        "time.sleep(60)\n"
    )
    child = ServerChild([sys.executable, "-c", program])
    starting = asyncio.create_task(child.start())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    grandchild = int((tmp_path / "pid").read_text())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await until(lambda: not runs(grandchild))


@needs_engines
@pytest.mark.timeout(180)
async def test_killed_engines_come_back_where_they_were_and_readiness_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key in the environment, so that the engines serve every stage."""
    children: list[OfflineProcess] = []
    start = OfflineProcess.start

    async def noted(self: OfflineProcess) -> str:
        children.append(self)
        return await start(self)

    monkeypatch.setattr(OfflineProcess, "start", noted)
    ports = [f"legs.{leg}.listen=127.0.0.1:0" for leg in ("3333", "4444")]
    settings = Settings.load(
        environ={}, flags={"--set": ["admin.port=0", *ports]}, directory=tmp_path
    )
    app = App(settings, lambda: settings)
    with structlog.testing.capture_logs() as lines:
        async with app.running():
            assert app.console.ready()[0]
            (child,) = children
            pid, url, key = child.pid, child.url, child.key
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: app.console.ready()[1]["engines"] == "down")
            assert not app.console.ready()[0]
            await until(lambda: app.console.ready()[0], patience=90)
            assert child.pid != pid
            assert child.url == url
            headers = {"Authorization": f"DeepL-Auth-Key {key}"}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(url + "/v2/usage") as answer,
            ):
                assert answer.status == 200
    said = [line["event"] for line in lines]
    assert "the local engines ended and are started again" in said
    assert "the local engines are back" in said
