"""Translation by the phrasebook, and between English and French by apertium, by way of Spanish.

apertium's programs are kept running as null-flush pipelines (4–5 ms a sentence; started anew a
sentence takes over a second): two per direction, started on first need, started again when they
die. Before, the text is put right (`i` → `I`, weekdays, question marks: apertium knows no "i");
after, marks of unknown words go and the sentence gets its capital.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from translink.offline.engines.phrasebook import PHRASE_LANGUAGES, Phrasebook, tokens
from translink.offline.engines.protocols import BeyondEngine, EngineFailed, EngineMissing
from translink.process.child import end

MODES = Path("/usr/share/apertium/modes")
INSTALL_APERTIUM = "apt-get install apertium-eng-spa apertium-fr-es"
ROUTES: Mapping[tuple[str, str], Sequence[str]] = {
    ("en", "fr"): ("eng-spa", "es-fr"),
    ("fr", "en"): ("fr-es", "spa-eng"),
}
_SENTENCE_TIMEOUT = 5.0
"""Seconds for one sentence, start of the pipeline included."""
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*\s*")
_CAPITALISED = re.compile(
    r"\b(monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june|july"
    r"|august|september|october|november|december|french|english|spanish|france|paris|london)\b"
)


class PhrasebookTranslator:
    """Implements `TranslatorEngine`. `close` ends the pipelines."""

    name = "offline-phrasebook-apertium"

    def __init__(self, book: Phrasebook, modes: Path = MODES) -> None:
        self._book = book
        self._modes = modes
        self._pipelines: dict[str, _Pipeline] = {}

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Of the phrasebook's languages, each into each; only English and French have apertium beside it."""
        return frozenset(itertools.permutations(PHRASE_LANGUAGES, 2))

    async def translate(self, text: str, source: str, target: str) -> str:
        """Sentence by sentence. Raises `EngineMissing`, `EngineFailed`, `BeyondEngine`."""
        whole = self._book.translate(text, source, target)
        if whole is not None:
            return whole
        parts = []
        for sentence in _SENTENCE.findall(text) or [text]:
            found = self._book.translate(sentence, source, target)
            if found is None and (phrases := self._book.split(tokens(sentence), source)):
                said = [self._book.translate(p, source, target) for p in phrases]
                found = " ".join(s for s in said if s)
            parts.append(found or await self._by_rules(sentence.strip(), source, target))
        return " ".join(p for p in parts if p)

    async def warm(self) -> None:
        """Start all pipelines now, so that the first sentence is not late. Missing ones are no error."""
        for source, target in ROUTES:
            with contextlib.suppress(EngineMissing, EngineFailed):
                await self._by_rules("hello" if source == "en" else "bonjour", source, target)

    async def close(self) -> None:
        """End the pipelines. Idempotent."""
        pipelines, self._pipelines = self._pipelines, {}
        for pipeline in pipelines.values():
            await pipeline.close()

    async def _by_rules(self, sentence: str, source: str, target: str) -> str:
        if not any(c.isalnum() for c in sentence):
            return ""
        if (source, target) not in ROUTES:
            raise BeyondEngine(f"from {source} to {target} only phrases are known")
        text, mark = _edited(sentence, source)
        for mode in ROUTES[source, target]:
            text = await self._pipeline(mode).translate(text)
        return _finished(text, mark, target)

    def _pipeline(self, mode: str) -> _Pipeline:
        if mode not in self._pipelines:
            self._pipelines[mode] = _Pipeline(self._modes / f"{mode}.mode")
        return self._pipelines[mode]


class _Pipeline:
    """One mode's chain of programs, kept running; one sentence at a time."""

    def __init__(self, mode: Path) -> None:
        self._mode = mode
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._asked: asyncio.Task[str] | None = None
        """The sentence that has its turn."""

    async def translate(self, text: str) -> str:
        """A dead chain is started again, once."""
        await self._lock.acquire()
        self._asked = asked = asyncio.create_task(self._answer(text), name="apertium")
        asked.add_done_callback(self._answered)
        # Nobody may wait for it any more: an answer left in the pipe would be the next sentence's.
        return await asyncio.shield(asked)

    async def close(self) -> None:
        """End the chain, in the middle of a sentence too."""
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.wait((self._asked,))
        await self._stop()

    def _answered(self, asked: asyncio.Task[str]) -> None:
        self._asked = None
        self._lock.release()
        if not asked.cancelled():
            asked.exception()  # perhaps nobody waits for it

    async def _answer(self, text: str) -> str:
        try:
            for _ in range(2):
                try:
                    async with asyncio.timeout(_SENTENCE_TIMEOUT):
                        return await self._ask(text)
                except (TimeoutError, OSError, asyncio.IncompleteReadError):
                    await self._stop()
        except BaseException:
            await self._stop()  # it may yet answer what it was asked
            raise
        raise EngineFailed(f"apertium {self._mode.stem} does not answer")

    async def _stop(self) -> None:
        """Kill the whole chain."""
        process, self._process = self._process, None
        if process is not None:
            await end(process, group=True)

    async def _ask(self, text: str) -> str:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        if process.stdin is None or process.stdout is None:
            raise EngineFailed("apertium without pipes")
        # A NUL ends a sentence: of two answers the second would be the next sentence's.
        text = text.replace("\0", " ")
        escaped = re.sub(r"([\[\]{}^$/\\@<>])", r"\\\1", text)
        process.stdin.write(escaped.encode() + b".[]\n\0")
        await process.stdin.drain()
        answer = (await process.stdout.readuntil(b"\0")).decode("utf-8", "replace")
        answer = answer.rstrip("\0").strip().removesuffix("[]").strip().removesuffix(".")
        return re.sub(r"\\(.)", r"\1", answer)

    async def _start(self) -> asyncio.subprocess.Process:
        if not self._mode.exists() or shutil.which("lt-proc") is None:
            raise EngineMissing(
                f"apertium's {self._mode.stem} is not installed: {INSTALL_APERTIUM}"
            )
        # A mode file is a shell pipeline; $1 is the generator's option, $2 the tagger's.
        chain = self._mode.read_text().strip().replace("$1", "-g").replace("$2", "")
        stages = [re.sub(r"^(\s*\S+)", r"\1 -z", stage) for stage in chain.split("|")]
        return await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            " | ".join(stages),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )


def _edited(sentence: str, language: str) -> tuple[str, str]:
    """(what apertium is given, the mark at its end)."""
    text = sentence.strip().rstrip(".!?… ")
    mark = next((c for c in reversed(sentence.strip()) if c in ".!?…"), "")
    if language == "en":
        text = re.sub(r"\bi\b", "I", text)
        text = _CAPITALISED.sub(lambda m: m.group().capitalize(), text)
        # Capital letters at the start hide words from apertium's dictionary less than they cost.
        if text[:1].isupper() and not re.match(r"I\b|[A-Z]\w*[A-Z]", text):
            text = text[0].lower() + text[1:]
            text = _CAPITALISED.sub(lambda m: m.group().capitalize(), text)
    return text, mark


def _finished(text: str, mark: str, language: str) -> str:
    """Marks of unknown words (`*`, `@`, `#`) go, elisions are joined, the capital comes."""
    text = re.sub(r"[*@#](?=\w)", "", text).replace("~", "").strip("¿¡ ")
    text = " ".join(text.split())
    if language == "en":
        text = re.sub(r"\bi\b", "I", text)
    if language == "fr" and mark in ("?", "!"):
        mark = " " + mark
    return text[:1].upper() + text[1:] + mark
