"""Starting, announcing and ending the offline server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import aiohttp
import pytest

from translink.offline import OfflineProcess, run_offline, start_offline
from translink.offline.engines import check as checking


async def test_a_child_serves_and_goes_when_told() -> None:
    process = OfflineProcess(engine="beacon")
    url = await process.start()
    async with aiohttp.ClientSession() as session, session.get(url + "/health") as response:
        assert (await response.json())["quality"] == "offline demo quality"
    async with asyncio.timeout(5):
        await process.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url + "/health")


def test_a_child_does_not_outlive_its_parent() -> None:
    parent = (
        "import asyncio, os\n"
        "from translink.offline import OfflineProcess\n"
        "async def main():\n"
        "    process = OfflineProcess(engine='beacon')\n"
        "    await process.start()\n"
        "    print(process.pid, flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    # The child holds our pipe too: reading to the end returns only when it is gone.
    done = subprocess.run(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, timeout=20, check=False
    )
    assert int(done.stdout) > 0


async def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="beacon"):
        await start_offline(engine="magic")


async def test_a_machine_without_programs_still_gets_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    running = await start_offline(warm=False)
    try:
        headers = {"Authorization": "Token x"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(running.url + "/v1/speak", json={"text": "hello"}) as response,
        ):
            assert response.status == 503
            assert "apt-get install flite" in (await response.json())["err_msg"]
    finally:
        await running.close()


def test_check_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert run_offline(check=True, json=True) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    installs = {f["install"] for f in findings if not f["ok"]}
    assert {"apt-get install flite", "apt-get install espeak-ng"} <= installs
    assert any(f.part == "translation" and not f.ok for f in checking.check())
