"""The process that makes `/openapi.json`; what it makes is in `test_openapi`."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from translink.admin.http.route import Route
from translink.admin.routes import openapi_process
from translink.admin.routes.openapi_process import OpenapiDocument


async def nothing(_: web.Request) -> web.Response:
    raise NotImplementedError


def table() -> list[Route]:
    return [Route("GET", "/health", "open", nothing)]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.subprocess.Process]:
    """Processes that were started."""
    found = []
    usual = asyncio.create_subprocess_exec

    async def start(*command: str, **how: Any) -> asyncio.subprocess.Process:
        found.append(await usual(*command, **how))
        return found[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    return found


async def test_all_who_ask_share_one_process(started: list[asyncio.subprocess.Process]) -> None:
    document = OpenapiDocument(table)
    first, second = await asyncio.gather(document.get(), document.get())
    assert first == second == await document.get()
    assert list(orjson.loads(first)["paths"]) == ["/health"]
    assert len(started) == 1


async def test_a_process_that_fails_is_an_answer_and_the_next_one_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = OpenapiDocument(table)
    for command in ((sys.executable, "-c", "raise SystemExit(3)"), ("/nowhere/python",)):
        with monkeypatch.context() as patch:
            patch.setattr(openapi_process, "_MADE_BY", command)
            with pytest.raises(web.HTTPServiceUnavailable):
                await document.get()
    assert orjson.loads(await document.get())["openapi"] == "3.1.0"


async def test_a_process_that_hangs_is_killed(
    started: list[asyncio.subprocess.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openapi_process, "MAKING_SECONDS", 0.5)
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    monkeypatch.setattr(openapi_process, "_MADE_BY", command)
    with pytest.raises(web.HTTPServiceUnavailable, match="too long"):
        await OpenapiDocument(table).get()
    assert await started[0].wait() == -signal.SIGKILL


async def test_the_process_gets_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "import json, os; print(json.dumps(dict(os.environ)))"
    monkeypatch.setattr(openapi_process, "_MADE_BY", (sys.executable, "-c", told))
    monkeypatch.setenv("DEEPGRAM_API_KEY", "a-key-of-ours")
    monkeypatch.setenv("OF_OTHERS", "kept")
    environ = orjson.loads(await OpenapiDocument(table).get())
    assert environ["OF_OTHERS"] == "kept"
    assert "a-key-of-ours" not in environ.values()


async def test_what_lies_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert orjson.loads(await OpenapiDocument(table).get())["openapi"] == "3.1.0"


def test_the_process_with_the_calls_does_not_load_what_makes_it() -> None:
    """It would hold the interpreter for 17 ms at a time."""
    script = (
        "import asyncio, sys\n"
        "from tests.admin.routes.test_openapi_process import table\n"
        "from translink.admin.routes.openapi_process import OpenapiDocument\n"
        "asyncio.run(OpenapiDocument(table).get())\n"
        "print('translink.admin.routes.openapi' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "False\n"
