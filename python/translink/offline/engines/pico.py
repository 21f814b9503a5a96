"""SVOX Pico's voices: English, French, German, Spanish and Italian by `pip install translink[pico]`
alone, the default wherever it is installed.

The library holds the interpreter while it speaks, which no event loop can spare, and a process for each
utterance costs 200 ms on a busy machine, where the voice itself takes 28. So one process stays, and a second
while two are wanted; a text goes by its pipe.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Iterator, Mapping

from translink.audio import RawDecoder
from translink.offline.engines.engine_process import EngineProcess
from translink.offline.engines.protocols import BusyError, EngineMissing
from translink.text.sentences import split_sentences

PICO_VOICES: Mapping[str, str] = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
}
PICO_RATE = 16_000
INSTALL_PICO = "pip install 'translink[pico]'"
_PROCESSES = 2
"""At once. A sentence takes one of them for some 35 ms of a free core."""
_WAITING = 32
"""Utterances that may wait for a process; one more is refused (429)."""
_PICO_READY = 20.0
"""Seconds a process may take to start: 0.1 on an idle machine."""
_PART_ANSWER = 10.0
"""Seconds that one part of a text may take before its process is taken for hung: 30 ms on an idle
machine."""
_LONG_TEXT = 120
"""Characters from which on a text is spoken in parts, cut at ends of sentences: the first is heard while
the next is made, and others get their turn between two."""


def has_pico() -> bool:
    """Whether the voices are installed here."""
    return importlib.util.find_spec("py_nanotts") is not None


def plain(text: str) -> str:
    """Without what Pico would take for markup (`<speed level=...>`)."""
    return " ".join(text.replace("<", " ").replace(">", " ").split())


def parts(text: str, language: str = "") -> Iterator[str]:
    """A text at its ends of sentences, in parts of `_LONG_TEXT` characters or a little more."""
    part = ""
    for sentence in split_sentences(text, language):
        part = f"{part} {sentence}" if part else sentence
        if len(part) >= _LONG_TEXT:
            yield part
            part = ""
    if part:
        yield part


class PicoVoices:
    """Speaks by processes that stay. `close` after use."""

    def __init__(self, module: str = "pico_speaker") -> None:
        """`module`: what a process runs."""
        self._module = module
        self._free: list[EngineProcess] = []
        self._room = asyncio.Semaphore(_PROCESSES)
        self._waiting = 0
        self._asked: set[asyncio.Task[bytes]] = set()

    async def warm(self) -> None:
        """Start a process, and have each language loaded once. Raises `EngineMissing`,
        `EngineFailed`."""
        for voice in PICO_VOICES.values():
            await self._say("a", voice)

    async def speak(self, text: str, language: str, rate: int) -> AsyncGenerator[bytes]:
        """s16le at `rate`, a part of the text at a time. Raises `EngineMissing`, `EngineFailed`,
        `BusyError`."""
        decoder = RawDecoder("linear16", PICO_RATE, target=rate)
        for part in parts(plain(text), language):
            if pcm := decoder.push(await self._say(part, PICO_VOICES[language])):
                yield pcm
        if pcm := decoder.finish():
            yield pcm

    async def close(self) -> None:
        """End the processes. Idempotent."""
        for task in tuple(self._asked):
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        free, self._free = self._free, []
        for process in free:
            await process.stop()

    async def _say(self, text: str, voice: str) -> bytes:
        if not has_pico():
            raise EngineMissing(f"Pico is not installed: {INSTALL_PICO}")
        if self._waiting >= _WAITING:
            raise BusyError(f"{_WAITING} utterances wait for a voice already")
        self._waiting += 1
        try:
            await self._room.acquire()
        finally:
            self._waiting -= 1
        said = asyncio.create_task(self._ask(text, voice), name="pico")
        self._asked.add(said)
        said.add_done_callback(self._answered)
        # A talker who is interrupted must not cost a process: it answers in a moment.
        return await asyncio.shield(said)

    def _answered(self, said: asyncio.Task[bytes]) -> None:
        self._asked.discard(said)
        self._room.release()
        if not said.cancelled():
            said.exception()  # perhaps nobody waits for it

    async def _ask(self, text: str, voice: str) -> bytes:
        process = await self._ready()
        await process.send(b"S", f"{voice}\0{text}".encode())
        pcm = await process.receive(_PART_ANSWER)
        self._free.append(process)
        return pcm

    async def _ready(self) -> EngineProcess:
        """One that lives; the last one used first, which has its language at hand."""
        while self._free:
            process = self._free.pop()
            if process.alive:
                return process
            await process.stop()
        process = EngineProcess(self._module)
        await process.begin(b"", _PICO_READY)
        return process
