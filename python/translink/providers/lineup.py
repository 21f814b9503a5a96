"""Which provider is asked for what, and in which order: those behind the interpreter's `Services`.

Breakers and queues live here, one per provider and endpoint, shared by all calls. Which providers
there are is decided in `wiring`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from translink.errors import Kind, ProviderError
from translink.process.clock import unix
from translink.providers.abilities import Detects, has_streams, hears, speaks, translates, unable
from translink.providers.ahead import AskAhead
from translink.providers.attempts import AllFailed, Named, as_one, first_success
from translink.providers.breaker import Breaker, BreakerPolicy, Chain, State, Transition
from translink.providers.expecting import Terms, transcribed
from translink.providers.gate import Gate
from translink.providers.pace import PACE
from translink.providers.precedents import Precedents, is_of_the_address
from translink.providers.restream import Restream
from translink.providers.services import Services
from translink.providers.voices import Voices
from translink.results import RATE, Detected, Result, Translation

if TYPE_CHECKING:
    from translink.observe.journal import Journal
    from translink.providers.protocols import LiveTranscriber, Synthesizer, Transcriber, Translator

log = structlog.get_logger("translink")

P = TypeVar("P", bound=Named)
R = TypeVar("R")
VOICES_KEPT = 64
"""Voices that legs asked for by name; clients that create calls may name ever new ones."""


SPEECH_BUDGET = 10.0
"""Seconds in which an attempt to speak a sentence may begin."""


@dataclass(frozen=True, slots=True)
class LineupLimits:
    """Seconds, and requests at once."""

    transcribe: float = 10.0
    """One prerecorded attempt."""
    translate: float = 3.0
    """One translation attempt."""
    first_audio: float = 5.0
    """From asking for speech to its first sound."""
    prerecorded: int = 10
    """Prerecorded requests at once; further ones wait their turn (Deepgram's limit for these is
    lower than for streams, so when all streams fall back at once they must queue)."""
    speech: int = 15
    """Texts that are spoken at once, likewise (Deepgram's limit for Aura over HTTP)."""
    memory: float = 60.0
    """For how long audio is kept. No breaker of a recogniser waits longer than a third of it."""


class Lineup:
    """All providers, ready to serve. Build it on the running loop."""

    def __init__(
        self,
        *,
        live: LiveTranscriber,
        transcribers: Sequence[Transcriber],
        translators: Sequence[Translator],
        voices: Callable[[str | None], Sequence[Synthesizer]],
        journal: Journal,
        limits: LineupLimits,
        beside: Lineup | None = None,
    ) -> None:
        """`voices(name)` gives the synthesizers for a leg that asked for the voice `name` (None =
        as its language has it); `beside`: see there."""
        self._journal = journal
        self._limits = limits
        self._breakers: dict[str, Breaker] = {} if beside is None else beside._breakers
        self._held: dict[str, float] = {} if beside is None else beside._held
        """Of `AskAhead`."""
        self._live = live
        self._transcribers: list[Transcriber] = [*transcribers]
        self._translators = translators
        self._voices = voices
        self._speakers: dict[str | None, Voices] = {}
        self._translation_budget = 2 * limits.translate * len(translators)
        usual = BreakerPolicy()
        hearing = usual.within(limits.memory, denied=True)
        if has_streams(live):
            self._transcribers.append(Restream(live))
            self._listening = self._breaker(live.name, hearing)
        else:
            # Nobody streams, so this one says nothing: among the others it would count as up while
            # all recognisers are down.
            self._listening = Breaker(live.name, policy=hearing)
        self._transcription = self._chain((t.name for t in self._transcribers), hearing)
        self._translation = self._chain(
            (t.name for t in translators), usual.within(self._translation_budget, denied=False)
        )
        self._speech = self._chain(
            (v.name for v in voices(None)), usual.within(SPEECH_BUDGET, denied=False)
        )
        if beside is None:
            self._precedents = Precedents()
            self.gate = Gate("prerecorded", limit=limits.prerecorded, waiting=2000)
            self.speech_gate = Gate("speech", limit=limits.speech, waiting=2000)
        else:
            self._precedents = beside._precedents
            self.gate, self.speech_gate = beside.gate, beside.speech_gate

    def beside(
        self,
        *,
        live: LiveTranscriber,
        transcribers: Sequence[Transcriber],
        translators: Sequence[Translator],
        voices: Callable[[str | None], Sequence[Synthesizer]],
        limits: LineupLimits,
    ) -> Lineup:
        """The same providers, or others, in another order. A provider of the same name has one breaker
        in both, and requests at once are counted together."""
        return Lineup(
            live=live,
            transcribers=transcribers,
            translators=translators,
            voices=voices,
            journal=self._journal,
            limits=limits,
            beside=self,
        )

    def services(self) -> Services:
        """What the interpreters ask."""
        return Services(
            live=self._live,
            breaker=self._listening,
            transcribe=self._transcribe,
            transcribe_expecting=self._transcribe,
            translate=self._translate,
            speak=self._speak,
            detect=self._detect,
            speaks=self._can_speak,
            precedents=self._precedents,
            ahead=AskAhead(
                self._translation,
                self._translators,
                self._speech,
                self._voices,
                self.speech_gate,
                translate=self._limits.translate,
                first_audio=self._limits.first_audio,
                speech_budget=SPEECH_BUDGET,
                failed=self._failed,
                held=self._held,
            ),
        )

    def breakers(self) -> dict[str, dict[str, str | int | float | None]]:
        """State of every provider, for stats, health and the dashboard; `down`: a request to it now
        would wait for more than a few seconds.

        A provider that is not `closed` also has the class of the error (`kind`, `status`), since
        when it is in trouble and until when it is not asked (`since`, `until`, Unix seconds).
        """
        return {name: _account(breaker) for name, breaker in self._breakers.items()}

    @property
    def stream(self) -> str:
        """Name of the provider that live streams come from."""
        return self._live.name

    def in_line(self) -> dict[str, list[str]]:
        """For each kind of service the providers in line, the preferred first."""
        return {kind: list(chain.names) for kind, chain in self._chains().items()}

    def down(self) -> list[str]:
        """Kinds of service for which nobody in line is up."""
        return [kind for kind, chain in self._chains().items() if not self._any_up(chain)]

    def _chains(self) -> dict[str, Chain]:
        return {
            "recognition": self._transcription,
            "translation": self._translation,
            "speech": self._speech,
        }

    def _any_up(self, chain: Chain) -> bool:
        now = time.monotonic()
        return any(self._breakers[name].up(now) for name in chain.names)

    async def _asked(
        self,
        what: str,
        chain: Chain,
        providers: Sequence[P],
        call: Callable[[P], Awaitable[R]],
        *,
        timeout: float,  # noqa: ASYNC109 - of each attempt, not of this function
        budget: float,
        without: Collection[str],
    ) -> R:
        """The first answer of those in line. Raises one `ProviderError` for all of them."""
        try:
            return await first_success(
                chain,
                providers,
                call,
                timeout=timeout,
                budget=budget,
                without=without,
                clock=time.monotonic,
                failed=self._failed,
            )
        except AllFailed as failure:
            raise as_one(failure, what, chain, without) from failure

    async def _transcribe(self, pcm: bytes, language: str, terms: Terms = ()) -> Result:
        seconds = len(pcm) / 2 / RATE
        timeout = max(self._limits.transcribe, seconds / PACE + 3.0)
        without = unable(self._transcribers, lambda one: hears(one, language))
        async with self.gate:
            return await self._asked(
                "recognition",
                self._transcription,
                self._transcribers,
                lambda one: self._transcribed(one, pcm, language, terms),
                timeout=timeout,
                budget=2 * timeout,
                without=without,
            )

    async def _transcribed(
        self, one: Transcriber, pcm: bytes, language: str, terms: Terms
    ) -> Result:
        with self._precedents.weighing(one.name, language):
            return await transcribed(one, pcm, language, terms)

    async def _detect(self, pcm: bytes, languages: tuple[str, ...]) -> Detected | None:
        """Of the recognisers those are asked that can tell. Raises `ProviderError`."""
        able = [one for one in self._transcribers if isinstance(one, Detects)]
        able = [one for one in able if one.detects(languages)]
        if not able:
            raise ProviderError(
                f"nobody in line tells {', '.join(languages)} from each other",
                provider="recognition",
                kind=Kind.REFUSED,
            )
        without = frozenset(self._transcription.names) - {one.name for one in able}
        async with self.gate:
            return await self._asked(
                "recognition",
                self._transcription,
                able,
                lambda one: one.detect(pcm, languages),
                timeout=self._limits.transcribe,
                budget=2 * self._limits.transcribe,
                without=without,
            )

    async def _translate(self, text: str, source: str, target: str, context: str) -> Translation:
        without = unable(self._translators, lambda one: translates(one, source, target))
        return await self._asked(
            "translation",
            self._translation,
            self._translators,
            lambda one: self._translated(one, text, source, target, context),
            timeout=self._limits.translate,
            budget=self._translation_budget,
            without=without,
        )

    async def _translated(
        self, one: Translator, text: str, source: str, target: str, context: str
    ) -> Translation:
        with self._precedents.weighing(one.name, f"{source}>{target}", only=is_of_the_address):
            return await one.translate(text, source=source, target=target, context=context)

    async def _speak(self, text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
        speaker = self._speakers.get(voice)
        if speaker is None:
            while len(self._speakers) >= VOICES_KEPT:
                del self._speakers[next(iter(self._speakers))]
            speaker = self._speakers[voice] = Voices(
                self._speech,
                self._voices(voice),
                first=self._limits.first_audio,
                budget=SPEECH_BUDGET,
                clock=time.monotonic,
                failed=self._failed,
            )
        try:
            # Queueing comes before the budget begins: a request that waits here has not failed yet.
            async with (
                self.speech_gate,
                aclosing(speaker.speak(text, language=language)) as sound,
            ):
                async for pcm in sound:
                    yield pcm
        except AllFailed as failure:
            without = unable(self._voices(voice), lambda one: speaks(one, language))
            raise as_one(failure, "speech", self._speech, without) from failure

    def _can_speak(self, language: str, voice: str | None) -> bool:
        return any(speaks(one, language) for one in self._voices(voice))

    def _failed(self, error: ProviderError) -> None:
        log.warning(
            "a provider failed",
            provider=error.provider,
            reason=str(error),
            kind=error.kind.value,
            **error.log_fields,
        )
        self._journal.emit(
            "failover",
            {"provider": error.provider, "reason": str(error), "kind": error.kind.value},
        )

    def _chain(self, names: Iterable[str], policy: BreakerPolicy) -> Chain:
        return Chain([self._breaker(name, policy) for name in names])

    def _breaker(self, name: str, policy: BreakerPolicy) -> Breaker:
        if name not in self._breakers:
            self._breakers[name] = Breaker(name, policy=policy, notify=self._changed)
        return self._breakers[name]

    def _changed(self, change: Transition) -> None:
        say = log.error if change.after is State.OPEN else log.info
        say("breaker", provider=change.name, state=change.after.value, reason=change.reason)
        waits = change.after in (State.OPEN, State.HELD)
        self._journal.emit(
            "breaker",
            {
                "provider": change.name,
                "state": change.after.value,
                "reason": change.reason,
                "until": round(unix(change.until), 1) if waits else None,
            },
        )


def _account(breaker: Breaker) -> dict[str, str | int | float | None]:
    in_trouble = breaker.state is not State.CLOSED
    return {
        "state": breaker.state.value,
        "down": not breaker.up(time.monotonic()),
        "reason": breaker.reason,
        "attempts": breaker.attempts,
        "opened": breaker.opened,
        "kind": breaker.kind.value if breaker.kind else None,
        "status": breaker.status,
        "since": round(unix(breaker.trouble_since), 1) if in_trouble else None,
        "until": round(unix(breaker.until), 1) if in_trouble else None,
    }
