"""Finds the language that somebody speaks, from the first seconds of it, and watches that it stays so.

Until it is decided nobody recognises anything: the audio waits in the ledger and is then recognised in
the language found, as after an outage. `evidence` knows when to ask and what to believe.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal

from translink.errors import Kind, ProviderError
from translink.recognition.evidence import DetectRules, LanguageEvidence
from translink.recognition.speech_map import SOFT_BEGINNING
from translink.results import FRAME, RATE, Detected

if TYPE_CHECKING:
    from translink.recognition.feed import Audio
    from translink.recognition.speech_map import SpeechMap
    from translink.results import Result

Detect = Callable[[bytes, tuple[str, ...]], Awaitable[Detected | None]]
"""(16 kHz s16le mono, candidates) → which of them it is, if any. Raises `ProviderError`."""
How = Literal["found", "assumed", "changed"]
"""How a language came to hold: the detector was sure; nothing was found in time; it was another
before."""
OnLanguage = Callable[[str, How, str], None]
"""(language, how, why)."""


EVIDENCE_LOOK = 0.1
"""Seconds between two looks at what was said."""
ASSUMED_LOOK = 0.5
"""Likewise once a language was assumed."""
DOUBTED = 5.0
"""Seconds that are asked about where the language is in doubt: before them it may have been the other."""


class LanguageFinder:
    """One leg's in one call. `run` it as a task."""

    def __init__(
        self,
        candidates: Sequence[str],
        *,
        detect: Detect,
        audio: Audio,
        speech: SpeechMap,
        rules: DetectRules,
        on_language: OnLanguage,
    ) -> None:
        """No `candidates`: there is nothing to find. `on_language` is called with each decision, before
        `decided` is set; not when nobody spoke."""
        self.decided = asyncio.Event()
        """What is said may be recognised."""
        self._candidates = tuple(candidates)
        self._evidence = LanguageEvidence(candidates, rules)
        self._detect = detect
        self._audio = audio
        self._speech = speech
        self._origin = speech.head
        self._rules = rules
        self._on_language = on_language
        self._language = ""
        self._assumed = False
        self._last = False
        """No more will be said."""
        self._closed = False
        self._doubt = asyncio.Event()
        self._worded = speech.head
        """Where the newest word ended."""
        if not candidates:
            self.close()

    @property
    def searching(self) -> bool:
        """Nobody knows yet what is spoken."""
        return not self.decided.is_set()

    @property
    def question(self) -> str:
        """What is being found out."""
        return f"which language is spoken, of {', '.join(self._candidates)}?"

    async def run(self) -> None:
        """Until cancelled, or closed."""
        while not self.decided.is_set():
            await self._look()
        while not self._closed:
            await self._reconsider()

    def close(self) -> None:
        """Somebody said which language it is."""
        self._closed = True
        self.decided.set()
        self._doubt.set()

    async def settle(self, within: float) -> None:
        """The call is over: decide with what there is, bounded by `within` seconds."""
        self._last = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.decided.wait()
        if not self.decided.is_set():
            self._decide(self._evidence.likeliest(), "assumed", "the call ended")

    def final(self, result: Result) -> None:
        """What was recognised, in order of speech."""
        if self._closed:
            return
        wordless = self._speech.spoken(self._worded, result.end) if not result.words else 0
        if result.words:
            self._worded = result.words[-1].end
        if self._evidence.words(time.monotonic(), result.words, wordless):
            self._doubt.set()

    # --- Finding it ---

    async def _look(self) -> None:
        now, spoken = time.monotonic(), self._spoken()
        if self._evidence.due(now, spoken, self._quiet(), last=self._last):
            await self._ask(spoken)
        elif self._last:
            self._decide(self._evidence.likeliest(), "assumed", "the call ended")
        elif self._evidence.left(now) <= 0:
            names = ", ".join(self._candidates)
            reason = f"none of {names} was found in {self._rules.wait:g} s"
            self._decide(self._evidence.likeliest(), "assumed", reason)
        else:
            await asyncio.sleep(EVIDENCE_LOOK)

    async def _ask(self, spoken: float) -> None:
        evidence, left = self._evidence, self._evidence.left(time.monotonic())
        evidence.asked(spoken)
        try:
            async with asyncio.timeout(max(left, EVIDENCE_LOOK)):
                answer = await self._detect(self._heard(self._rules.longest), self._candidates)
        except TimeoutError:
            return
        except ProviderError as error:
            if error.kind is Kind.REFUSED:
                self._decide(evidence.likeliest(), "assumed", str(error))
            else:
                evidence.failed(time.monotonic())
                await asyncio.sleep(EVIDENCE_LOOK)
            return
        if (language := evidence.answered(answer)) is not None and answer is not None:
            self._decide(language, "found", f"confidence {answer.confidence:.2f}")

    def _decide(self, language: str, how: How, why: str) -> None:
        if not self.decided.is_set():
            self._language, self._assumed = language, how == "assumed"
            if self._spoken():
                self._on_language(language, how, why)
            self.decided.set()

    # --- Doubting it ---

    async def _reconsider(self) -> None:
        again = ASSUMED_LOOK if self._assumed else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(again):
                await self._doubt.wait()
        spoken = self._spoken()
        if self._closed or not (self._doubt.is_set() or self._evidence.looks_again(spoken)):
            return
        self._doubt.clear()
        self._evidence.doubted(time.monotonic(), spoken)
        try:
            answer = await self._detect(self._heard(DOUBTED), self._candidates)
        except ProviderError:
            return  # it is in the journal, and what holds goes on to hold
        language = self._evidence.reconsidered(answer, assumed=self._assumed)
        if language is None or answer is None or self._closed:
            return
        if self._assumed or language != self._language:
            how: How = "found" if self._assumed else "changed"
            self._language, self._assumed = language, False
            self._on_language(language, how, f"confidence {answer.confidence:.2f}")

    # --- What was said ---

    def _spoken(self) -> float:
        return self._speech.spoken(self._origin, self._speech.head) / RATE

    def _quiet(self) -> float:
        """A talker whose side sends nothing at all (DTX, mute) is quiet, too."""
        head = self._speech.head
        idle = time.monotonic() - self._speech.captured(head)
        return max(self._speech.quiet_for() / RATE, idle if idle > 2 * EVIDENCE_LOOK else 0.0)

    def _heard(self, seconds: float) -> bytes:
        """What was said in the last `seconds`."""
        head = self._speech.head
        oldest = max(self._origin, head - int(seconds * RATE))
        talk = self._speech.speech_in(oldest, head)
        start = max(oldest, talk.start - SOFT_BEGINNING) if talk is not None else oldest
        return self._audio.history(start // FRAME * FRAME, head)[1]
