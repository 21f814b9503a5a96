"""The offline server with its engines: in this process, or from the command line.

As a child process: `child`, which is how `translink serve` uses it, through the same clients and sockets as
the real services. Two sets of engines exist:

* real ones: `recognizer` (pocketsphinx; one decoder process per stream, `decoder`), `translator`
  (the phrasebook, then apertium), `synthesizer` (Pico, flite, espeak-ng). Quality: *offline demo
  quality*. English is open dictation; French is the phrasebook and never more.
* `beacon`: words that are exact by construction, for counting losses.

    server = await start_offline()
    ...  # DEEPGRAM_BASE_URL=server.url DEEPL_SERVER_URL=server.url, any key
    await server.close()
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import secrets
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import orjson
import uvloop

from translink.credentials import known_host
from translink.errors import SettingsError
from translink.offline.engines.check import Finding
from translink.offline.engines.check import check as findings
from translink.offline.engines.phrasebook import BOOK_LANGUAGES, load, named_book, of_phrases
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing
from translink.offline.engines.recognizer import PocketRecognizers
from translink.offline.engines.synthesizer import ProgramSynthesizer
from translink.offline.engines.translator import PhrasebookTranslator
from translink.offline.engines.whisper import WhisperRecognizers
from translink.offline.hooks import Faults
from translink.offline.server import OfflineServer
from translink.offline.session import ListenTiming
from translink.process.ending import CLOSING_SECONDS, leave_within
from translink.settings.services import OFFLINE_QUALITY

_POCKET = "English: dictation and phrasebook; French: phrasebook only"


class Served(Protocol):
    """What `serve_until_stopped` needs of a server."""

    @property
    def url(self) -> str:
        """`http://host:port`."""

    async def close(self) -> None:
        """Idempotent."""


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
    key: str | None = None,
    phrasebook: Path | None = None,
    phrases: Mapping[str, list[str]] | None = None,
    timing: ListenTiming | None = None,
    faults: Faults | None = None,
    limits: Mapping[str, int] | None = None,
    recognizers: int | None = None,
    whisper: str | None = None,
    warm: bool = True,
) -> RunningOffline:
    """Start the server with the real engines.

    Args:
        key: the only one that is let in, None = any (see `OfflineAdmission`).
        phrasebook: a file instead of ours (see `phrasebook.py`; a line `@builtin` brings ours in).
        phrases: hear these instead (language → wordings).
        recognizers: bound of the pool.
        whisper: a model of Whisper, by folder or name, which recognises instead.
        warm: decoders and translators are started before this returns (2 s; the first time ever
            some seconds more); engines that are missing are left out.

    Raises:
        OSError: for the port.
        PhrasebookError: for the book.
    """
    book = load(phrasebook)
    heard = book if phrases is None else of_phrases(phrases)
    pool: PocketRecognizers | WhisperRecognizers
    pool = PocketRecognizers(heard, most=recognizers)
    if whisper:
        pool = WhisperRecognizers(whisper, most=recognizers)
    speech = ProgramSynthesizer()
    rules = PhrasebookTranslator(book)
    server = OfflineServer(
        host=host,
        port=port,
        key=key,
        recognizer=pool,
        translator=rules,
        synthesizer=speech,
        timing=timing or ListenTiming(interim=0.5),
        faults=faults,
        limits=limits,
    )
    running = RunningOffline(server, [pool.close, rules.close, speech.close])
    try:
        await server.start()
        if warm:
            await asyncio.gather(_warm(pool), rules.warm(), _warm_voices(speech))
    except BaseException:
        await running.close()
        raise
    return running


async def _warm(pool: PocketRecognizers | WhisperRecognizers) -> None:
    if isinstance(pool, WhisperRecognizers):
        await pool.warm()  # without it nothing is heard: its failure is the start's
        return

    async def one(language: str) -> None:
        with contextlib.suppress(EngineMissing, EngineFailed, BusyError):
            await pool.warm((language,))

    # The others' when they are asked for: a second, and not at every start.
    await asyncio.gather(*(one(language) for language in BOOK_LANGUAGES))


async def _warm_voices(speech: ProgramSynthesizer) -> None:
    with contextlib.suppress(EngineMissing, EngineFailed, BusyError):
        await speech.warm()


def run_offline(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    phrasebook: Path | None = None,
    recognizers: int | None = None,
    whisper: str | None = None,
    check: bool = False,
    json: bool = False,
    until_eof: bool = False,
    key: str | None = None,
) -> int:
    """The command `translink offline`: serve until SIGTERM or SIGINT. Returns the exit code.

    Prints where it listens, the key of this start, what it is made of and of what quality; with
    `json` one line of JSON (`{"url": …, "key": …, "quality": …, "missing": […]}`). `check`: only say
    what this machine can do; 1 when something is missing. `until_eof`: also end when standard input
    does, so that a child never outlives its parent. `key`: the only one that is let in; None = a new
    one. Raises `SettingsError` for the host and the phrasebook.
    """
    named_book(phrasebook, "--phrasebook")
    try:
        known_host(host)
    except ValueError as error:
        raise SettingsError(f"--host: {error}") from None
    if check:
        return _report(json=json, whisper=whisper)

    async def serve() -> None:
        only = key or secrets.token_urlsafe(24)
        running = await start_offline(
            host=host,
            port=port,
            key=only,
            phrasebook=phrasebook,
            recognizers=recognizers,
            whisper=whisper,
        )
        text = _announcement(running.url, only, findings(whisper), json=json, whisper=whisper)
        await serve_until_stopped(running, text, until_eof=until_eof)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    return 0


async def serve_until_stopped(
    server: Served, announcement: str, *, until_eof: bool = False
) -> None:
    """Print the announcement, serve until SIGTERM, SIGINT or SIGUSR1 (a container's), close; the process then
    ends, closed or not. `until_eof`: see `run_offline`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        loop.add_signal_handler(number, stop.set)
    if until_eof:

        def follow() -> None:
            # By a thread: libuv ends the process where standard input is what epoll cannot watch, as /dev/null.
            while os.read(sys.stdin.fileno(), 4096):
                pass
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=follow, name="parent", daemon=True).start()
    try:
        sys.stdout.write(announcement)
        sys.stdout.flush()
        await stop.wait()
        leave_within(CLOSING_SECONDS, 0)
    finally:
        await server.close()


def _report(*, json: bool, whisper: str | None) -> int:
    found = findings(whisper)
    if json:
        rows = [dataclasses.asdict(f) for f in found]
        text = orjson.dumps({"quality": OFFLINE_QUALITY, "findings": rows}).decode() + "\n"
    else:
        text = "".join(
            f"{'ok     ' if f.ok else 'MISSING'} {f.part}: {f.detail}"
            f"{f' ({f.install})' if f.install else ''}\n"
            for f in found
        )
    sys.stdout.write(text)
    return 0 if all(f.ok for f in found) else 1


def _announcement(
    url: str, key: str, found: list[Finding], *, json: bool, whisper: str | None
) -> str:
    missing = [f"{f.part}: {f.detail}: {f.install}" for f in found if f.install]
    if json:
        line = orjson.dumps(
            {"url": url, "key": key, "quality": OFFLINE_QUALITY, "missing": missing}
        )
        return line.decode() + "\n"
    lines = [
        f"Offline server: {url}",
        f"Quality: {OFFLINE_QUALITY} ({'Whisper' if whisper else _POCKET})",
        f"DEEPGRAM_BASE_URL={url} DEEPL_SERVER_URL={url}",
        f"DEEPGRAM_API_KEY={key} DEEPL_API_KEY={key} (another one at the next start)",
    ]
    lines += [f"Missing: {m}" for m in missing]
    return "\n".join(lines) + "\n"
