"""The offline server with its engines: in this process, from the command line, or as a child."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path

import orjson
import uvloop

from translink.errors import TranslinkError
from translink.offline.engines.check import Finding
from translink.offline.engines.check import check as findings
from translink.offline.engines.phrasebook import load, of_phrases
from translink.offline.engines.processes import end
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing
from translink.offline.engines.recognizer import PocketRecognizers
from translink.offline.engines.synthesizer import ProgramSynthesizer
from translink.offline.engines.translator import PhrasebookTranslator
from translink.offline.hooks import Faults
from translink.offline.messages import QUALITY
from translink.offline.server import OfflineServer
from translink.offline.session import ListenTiming
from translink.settings.secrets import without_secrets
from translink.sim.testbed import beacon_server

_READY = 90.0
"""Seconds a child may take to be ready; the first start ever makes the French dictionary."""
_STOP = 3.0
"""Seconds a child may take to end before it is killed."""


class RunningOffline:
    """A server and its engines, to be closed together."""

    def __init__(self, server: OfflineServer, closers: list[Callable[[], Awaitable[None]]]) -> None:
        self.server = server
        self._closers = closers

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return self.server.url

    def stats(self) -> dict[str, dict[str, int]]:
        """See `OfflineServer.stats`."""
        return self.server.stats()

    async def close(self) -> None:
        """Idempotent."""
        await self.server.close()
        closers, self._closers = self._closers, []
        for close in closers:
            await close()


async def start_offline(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    engine: str = "real",
    phrasebook: Path | None = None,
    phrases: Mapping[str, list[str]] | None = None,
    timing: ListenTiming | None = None,
    faults: Faults | None = None,
    limits: Mapping[str, int] | None = None,
    recognizers: int | None = None,
    warm: bool = True,
    seed: int = 0,
) -> RunningOffline:
    """Start the server with the real engines, or with beacons (`engine="beacon"`).

    `phrasebook`: a file instead of ours (see `phrasebook.py`; a line `@builtin` brings ours in).
    `phrases`: hear these instead (language → wordings). `recognizers`: bound of the pool. `warm`:
    decoders and translators are started before this returns (2 s; the first time ever some seconds
    more), engines that are missing are left out. Raises `OSError` for the port, `PhrasebookError`
    for the book.
    """
    if engine == "beacon":
        # Its faults are its own, see `testbed`.
        server, _ = beacon_server(host=host, port=port, seed=seed, listen=timing)
        await server.start()
        return RunningOffline(server, [])
    if engine != "real":
        raise ValueError(f"engine: {engine!r}, must be `real` or `beacon`")
    book = load(phrasebook)
    heard = book if phrases is None else of_phrases(phrases)
    pool, speech = PocketRecognizers(heard, most=recognizers), ProgramSynthesizer()
    rules = PhrasebookTranslator(book)
    server = OfflineServer(
        host=host,
        port=port,
        recognizer=pool,
        translator=rules,
        synthesizer=speech,
        timing=timing or ListenTiming(interim=0.5),
        faults=faults,
        limits=limits,
    )
    running = RunningOffline(server, [pool.close, rules.close])
    try:
        await server.start()
        if warm:
            await asyncio.gather(_warm(pool), rules.warm())
    except BaseException:
        await running.close()
        raise
    return running


async def _warm(pool: PocketRecognizers) -> None:
    async def one(language: str) -> None:
        with contextlib.suppress(EngineMissing, EngineFailed, BusyError):
            await pool.warm((language,))

    await asyncio.gather(*(one(language) for language in sorted(pool.languages())))


def run_offline(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    engine: str = "real",
    phrasebook: Path | None = None,
    recognizers: int | None = None,
    check: bool = False,
    json: bool = False,
    until_eof: bool = False,
) -> int:
    """The command `translink offline`: serve until SIGTERM or SIGINT. Returns the exit code.

    Prints where it listens, what it is made of and of what quality; with `json` one line of JSON
    (`{"url": …, "quality": …, "missing": […]}`). `check`: only say what this machine can do; 1 when
    something is missing. `until_eof`: also end when standard input does, so that a child never
    outlives its parent.
    """
    if check:
        return _report(json=json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _serve(
                start_offline(
                    host=host,
                    port=port,
                    engine=engine,
                    phrasebook=phrasebook,
                    recognizers=recognizers,
                ),
                real=engine == "real",
                json=json,
                until_eof=until_eof,
            )
        )
    return 0


async def _serve(
    starting: Coroutine[None, None, RunningOffline], *, real: bool, json: bool, until_eof: bool
) -> None:
    running = await starting
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    transport = None
    if until_eof:
        transport, _ = await loop.connect_read_pipe(lambda: _UntilEof(stop), sys.stdin)
    try:
        sys.stdout.write(_announcement(running.url, findings() if real else [], json=json))
        sys.stdout.flush()
        await stop.wait()
    finally:
        if transport is not None:
            transport.close()
        await running.close()


class OfflineProcess:
    """The server in a process of its own, so that its work never delays the caller's event loop.

    The child ends when this process does, however it does: it reads a pipe that only we hold.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        engine: str = "real",
        phrasebook: Path | None = None,
        recognizers: int | None = None,
    ) -> None:
        """As for `start_offline`. Nothing is started yet."""
        self._command = [sys.executable, "-m", "translink.offline", "--json", "--until-eof"]
        self._command += ["--host", host, "--port", str(port), "--engine", engine]
        if phrasebook is not None:
            self._command += ["--phrasebook", str(phrasebook)]
        if recognizers is not None:
            self._command += ["--recognizers", str(recognizers)]
        self.url = ""
        self.missing: list[str] = []
        """What could not be started, with the command that installs it."""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Returns the URL when the server is ready. Raises `TranslinkError`."""
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=without_secrets(os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: the child goes when the last word is said
        )
        try:
            async with asyncio.timeout(_READY):
                line = await process.stdout.readline() if process.stdout else b""
            ready = orjson.loads(line)
        except (TimeoutError, orjson.JSONDecodeError) as error:
            await self.stop()
            raise TranslinkError("the offline server did not start") from error
        self.url = str(ready["url"])
        self.missing = [str(m) for m in ready["missing"]]
        return self.url

    @property
    def pid(self) -> int | None:
        """Of the child, for measuring it."""
        return self._process.pid if self._process is not None else None

    async def stop(self) -> None:
        """Ends it, by force after 3 s. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP):
                await process.wait()
        except TimeoutError:
            pass
        await end(process)


class _UntilEof(asyncio.Protocol):
    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()

    def eof_received(self) -> None:
        self._stop.set()


def _report(*, json: bool) -> int:
    found = findings()
    if json:
        rows = [dataclasses.asdict(f) for f in found]
        text = orjson.dumps({"quality": QUALITY, "findings": rows}).decode() + "\n"
    else:
        text = "".join(
            f"{'ok     ' if f.ok else 'MISSING'} {f.part}: {f.detail}"
            f"{f' ({f.install})' if f.install else ''}\n"
            for f in found
        )
    sys.stdout.write(text)
    return 0 if all(f.ok for f in found) else 1


def _announcement(url: str, found: list[Finding], *, json: bool) -> str:
    missing = [f"{f.part}: {f.detail}: {f.install}" for f in found if f.install]
    if json:
        line = orjson.dumps({"url": url, "quality": QUALITY, "missing": missing})
        return line.decode() + "\n"
    lines = [
        f"Offline server: {url}",
        f"Quality: {QUALITY} (English: dictation and phrasebook; French: phrasebook only)",
        f"DEEPGRAM_BASE_URL={url} DEEPL_SERVER_URL={url}, any key",
    ]
    lines += [f"Missing: {m}" for m in missing]
    return "\n".join(lines) + "\n"
