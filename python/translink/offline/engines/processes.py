"""Ending a child process so that nothing of it stays: neither a zombie nor an open pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

_LAST = 2.0
"""Seconds for a killed child's pipes to report their end."""


async def end(process: asyncio.subprocess.Process, *, group: bool = False) -> None:
    """Kill it (or its whole process group) and wait until its pipes are closed. Idempotent."""
    with contextlib.suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(OSError):
            await process.stdin.wait_closed()
    if process.stdout is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                while await process.stdout.read(65_536):
                    pass
    await process.wait()
    await asyncio.sleep(0)  # the transports close themselves in the loop's next turn
