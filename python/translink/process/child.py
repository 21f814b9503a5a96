"""A program of ours as a child process: how it is started and ended, for every caller.

It lives in a session of its own, so that a Ctrl-C in the terminal reaches it once, through us, and
whatever it started itself is ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE

LAST_WORDS_SECONDS = 2.0
"""For a killed child's pipes to report their end."""
TAIL_LINES = 12
"""Of its log, quoted below an error message."""


class ChildProcess:
    """`start`, `stop`, and again if wanted. With `piped`, its standard input is a pipe that only
    we hold, and a child that reads it to its end never outlives us; its standard output is read
    with `line`. Without, it has no input and its output goes to the log.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path | None = None,
        folder: Path | None = None,
        piped: bool = False,
    ) -> None:
        """Nothing is started yet.

        Args:
            command: program and arguments.
            environ: all that it sees of the environment.
            log: file that its standard error is appended to, None = ours.
            folder: where it runs, None = here.
            piped: see the class.
        """
        self.command = tuple(command)
        self.environ = dict(environ)
        self._log = log
        self._folder = folder
        self._piped = piped
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """None before the start and after `stop`."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; -N after signal N."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Raises `OSError` when there is no such program."""
        with contextlib.ExitStack() as files:
            log = files.enter_context(self._log.open("ab")) if self._log else None
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self._folder,
                env=self.environ,
                stdin=PIPE if self._piped else DEVNULL,
                stdout=PIPE if self._piped else log,
                stderr=log,
                start_new_session=True,
            )

    async def line(self) -> bytes:
        """The next line of its standard output; empty at its end."""
        output = self._process.stdout if self._process is not None else None
        return await output.readline() if output is not None else b""

    async def send(self, data: bytes) -> None:
        """Write to its standard input. Raises `OSError` when it has ended."""
        pipe = self._process.stdin if self._process is not None else None
        if pipe is None:
            raise ConnectionError("the program is not running")
        pipe.write(data)
        await pipe.drain()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal. Nothing happens when it has ended."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self) -> int:
        """Its exit code, once it has ended by itself or was stopped; 0 if it was not started."""
        process = self._process
        return await process.wait() if process is not None else 0

    async def stop(self, patience: float) -> int:
        """Ask it to end (a closed input if piped, else SIGTERM) and kill it, and what it started,
        after `patience` seconds; 0 = at once. Idempotent. Returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.stdin is not None:
            process.stdin.close()
        elif process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if patience:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await process.wait()
        return await end(process, group=True)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of its log, to stand below an error message; empty if there is none."""
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace") if self._log else ""
        except OSError:
            return ""
        last = text.strip().splitlines()[-lines:]
        return "; the end of its log:\n  " + "\n  ".join(last) if last else ""


async def end(process: asyncio.subprocess.Process, *, group: bool = False) -> int:
    """Kill it (or its whole process group) and wait until its pipes are closed, so that neither a
    zombie nor an open pipe stays. Idempotent. Returns its exit code."""
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
        # RuntimeError: another task waits for its next words, and sees the end instead of us.
        with contextlib.suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while await process.stdout.read(65_536):
                    pass
    code = await process.wait()
    await asyncio.sleep(0)  # the transports close themselves in the loop's next turn
    return code
