"""Starting, announcing and ending the offline server."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from translink.errors import TranslinkError
from translink.offline import OfflineProcess, run_offline, start_offline
from translink.offline.child import ServerChild
from translink.offline.engines import check as checking


async def test_a_child_serves_and_goes_when_asked() -> None:
    process = ServerChild([sys.executable, "-m", "translink.sim.testbed"])
    url = await process.start()
    async with aiohttp.ClientSession() as session, session.get(url + "/health") as response:
        assert (await response.json())["quality"] == "offline demo quality"
    async with asyncio.timeout(30):
        await process.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url + "/health")


def test_a_child_does_not_outlive_its_parent() -> None:
    parent = (
        "import asyncio, os, sys\n"
        "from translink.offline.child import ServerChild\n"
        "async def main():\n"
        "    process = ServerChild([sys.executable, '-m', 'translink.sim.testbed'])\n"
        "    await process.start()\n"
        "    print(process.pid, flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    # The child holds our pipe too: reading to the end returns only when it is gone.
    done = subprocess.run(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert int(done.stdout) > 0


def test_a_containers_signal_to_stop_ends_it_in_good_order() -> None:
    """`docker stop` sends SIGUSR1, by which a server drains."""
    with subprocess.Popen(
        [sys.executable, "-m", "translink.sim.testbed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(b"{")
        server.send_signal(signal.SIGUSR1)
        assert server.wait(timeout=60) == 0


def test_a_child_without_input_serves_nobody_and_ends_in_good_order() -> None:
    """`/dev/null` is nothing that a loop can watch; libuv aborted."""
    command = [sys.executable, "-m", "translink.sim.testbed"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")


async def test_a_child_that_does_not_start_says_why(tmp_path: Path) -> None:
    child = ServerChild([sys.executable, "-c", "raise SystemExit('no')"], log=tmp_path / "log")
    with pytest.raises(TranslinkError, match=r"(?s)did not start.*no$"):
        await child.start()
    assert child.pid is None


@pytest.mark.timeout(300)
async def test_a_server_that_gets_no_descriptors_says_so_in_a_line(tmp_path: Path) -> None:
    few = f"ulimit -n 26; exec '{sys.executable}' -m translink.offline --json --until-eof"
    child = ServerChild(["sh", "-c", few], log=tmp_path / "log")
    with pytest.raises(TranslinkError, match=r"did not start.*\n.*Too many open files$") as caught:
        await child.start()
    assert "Traceback" not in str(caught.value)


@pytest.mark.timeout(300)
async def test_every_start_has_a_key_of_its_own_and_lets_in_no_other() -> None:
    one, two = (OfflineProcess(recognizers=1) for _ in range(2))
    try:
        await asyncio.gather(one.start(), two.start())
        assert one.key != two.key
        assert len(one.key) >= 32
        async with aiohttp.ClientSession() as session:
            for key, status in ((one.key, 200), (two.key, 403), ("any", 403), ("", 403)):
                headers = {"Authorization": f"DeepL-Auth-Key {key}"}
                async with session.get(one.url + "/v2/usage", headers=headers) as answer:
                    assert answer.status == status
            for key, status in ((two.key, 401), ("", 401)):
                headers = {"Authorization": f"Token {key}"}
                url = one.url + "/v1/speak"
                async with session.post(url, headers=headers, json={"text": "a"}) as answer:
                    assert answer.status == status
    finally:
        await asyncio.gather(one.stop(), two.stop())


def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that pip brought stands in for them either."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "py_nanotts", None)


async def test_a_machine_without_programs_still_gets_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_programs(monkeypatch)
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
    without_programs(monkeypatch)
    assert run_offline(check=True, json=True) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    installs = {f["install"] for f in findings if not f["ok"]}
    assert "pip install 'translink[pico]', or apt-get install flite" in installs
    assert "apt-get install espeak-ng" in installs
    assert any(f.part == "translation" and not f.ok for f in checking.check())


def test_whisper_needs_no_pronunciations_and_without_pocketsphinx_it_is_said_why_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "can_hear", lambda: False)
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    assert "French phrases" not in [found.part for found in checking.check("base")]
    (french,) = [found for found in checking.check() if found.part == "French phrases"]
    assert not french.ok
    assert french.detail == "without pocketsphinx nothing is recognised"
    assert french.install == "pip install 'translink[offline]'"
