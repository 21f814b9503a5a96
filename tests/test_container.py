"""As a container runs it: the first process, a root that cannot be written and holds no shell, a user
without a name or a home, 64 descriptors. No registry of images is needed: a root is put together from
this machine's Python and libraries in namespaces of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.paths import ROOT
from translink.callers.ports import free_port

PATIENCE = 60.0
USER = 12345
SCRIPT = r"""
set -e
new=$1; shift
mount -t tmpfs -o mode=755 root "$new"
for place in "$@"; do
    [ "$place" = -- ] && break
    [ -e "$place" ] || continue
    mkdir -p "$new$(dirname "$place")"
    if [ -d "$place" ]; then mkdir -p "$new$place"; else : >"$new$place"; fi
    mount --bind "$place" "$new$place"
    mount -o remount,bind,ro "$new$place"
done
while [ "$1" != -- ]; do shift; done; shift
mkdir -p "$new/proc" "$new/dev" "$new/etc/translink"
mount -t proc proc "$new/proc"
for node in null urandom; do : >"$new/dev/$node"; mount --bind "/dev/$node" "$new/dev/$node"; done
mount -o remount,ro "$new"
exec prlimit --nofile=64:64 chroot --userspec=12345:12345 --groups= "$new" env -i "$@"
"""


def lacks() -> str:
    """Why it cannot be tried here."""
    if os.geteuid() != 0:
        return "only root can make a root"
    for program in ("unshare", "chroot", "prlimit", "mount"):
        if shutil.which(program) is None:
            return f"{program} is missing"
    if os.system("unshare --mount --pid --fork true 2>/dev/null"):
        return "this machine lets nobody mount anything (a container?)"
    return ""


REASON = lacks()
pytestmark = pytest.mark.skipif(bool(REASON), reason=f"NOT TRIED: {REASON}")


def places() -> list[str]:
    """What the root holds: Python, this checkout's translink, libraries. No program beside them."""
    # The system's own Python is in /usr, of which only some is there.
    own = {sys.base_prefix, sys.prefix, str(ROOT / "python")} - {"/usr"}
    shared = {"/lib", "/lib64", "/usr/lib", "/usr/share/zoneinfo", "/usr/bin/env", "/etc/ssl"}
    files = {"/etc/ld.so.cache", "/etc/hosts", "/etc/nsswitch.conf"}
    if sys.base_prefix == "/usr":
        shared |= {"/usr/bin/python3", os.path.realpath("/usr/bin/python3")}
    return sorted(own | shared | files)


async def started(
    folder: Path, environ: dict[str, str], *arguments: str
) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "translink", *arguments]
    variables = [f"{name}={value}" for name, value in environ.items()]
    return await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT, "root"),
        *(str(folder), *places(), "--", *variables, *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def first_process(unshare: int) -> int:
    """Its number outside."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    return int(children[0])


def status_of(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


async def healthy(url: str) -> dict[str, object]:
    end = time.monotonic() + PATIENCE
    async with aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{url}/ready") as answer:
                    if answer.status == 200:
                        body: dict[str, object] = await answer.json()
                        return body
            assert time.monotonic() < end, "not ready"
            await asyncio.sleep(0.1)


def settings_in_the_environment(fake: FakeProviders, port: int) -> dict[str, str]:
    return {
        "DEEPGRAM_API_KEY": "dg-0123456789abcdef0123456789abcdef",
        "DEEPL_API_KEY": "01234567-89ab-cdef-0123-456789abcdef:fx",
        "DEEPGRAM_BASE_URL": fake.url,
        "DEEPL_SERVER_URL": fake.url,
        "TRANSLINK_ADMIN__PORT": str(port),
        "TRANSLINK_LEGS__3333__LISTEN": "0",
        "TRANSLINK_LEGS__4444__LISTEN": "0",
    }


async def test_it_runs_as_the_first_process_of_a_read_only_root_and_drains(tmp_path: Path) -> None:
    async with fake_providers() as fake:
        port = free_port(socket.SOCK_STREAM)
        environ = settings_in_the_environment(fake, port)
        process = await started(tmp_path, environ, "serve", "--set", "calls.max_created=2")
        try:
            await healthy(f"http://127.0.0.1:{port}")
            first = first_process(process.pid)
            status = status_of(first)
            assert status["Uid"].split()[0] == str(USER)
            assert status["NSpid"].split()[-1] == "1"
            # As HEALTHCHECK asks.
            probe = await started(tmp_path, environ, "health")
            out, _ = await asyncio.wait_for(probe.communicate(), PATIENCE)
            assert (probe.returncode, json.loads(out)["ok"]) == (0, True), out
            os.kill(first, signal.SIGUSR1)
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 0, out.decode()
            log = out.decode()
            assert "drained" in log
            # What it lacks, it says.
            assert "64 descriptors are allowed" in log
            assert "Traceback" not in log
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
