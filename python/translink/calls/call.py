"""A call: two legs, two interpreters, one beginning and one end.

A call begins with the first datagram on either leg and ends when none came for `idle_timeout`
seconds, or on request. From then on its microphones are detached, at a sample: what is said after it
belongs to the next call, which may begin while this one still drains, that is, says what it owes.
Everything that belongs to a call, tasks, sockets, counters, goes with it. An error in one direction
(a bug: providers' errors are dealt with below) ends this call and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from translink.calls.account import CallBooks
from translink.calls.again import RepeatingEar
from translink.calls.announcing import Announcements
from translink.calls.awaited import AwaitedLanguage
from translink.calls.direction import Direction
from translink.calls.echo import WithoutEcho
from translink.calls.hearing import Hearing
from translink.calls.interpreter import Interpreter
from translink.calls.lag import Lag, tone
from translink.calls.metered import metered
from translink.calls.speaker import next_utterance
from translink.calls.talker_voice import TalkerVoice
from translink.observe.record import recorded_in_short
from translink.observe.stages import Stages
from translink.observe.usage import Usage
from translink.observe.views import CallRow
from translink.process.clock import unix
from translink.process.weakly import weakly
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from translink._core import Frame, Playout
    from translink.calls.orders import CallVendors
    from translink.media import MediaLeg
    from translink.observe.journal import Journal, Scalar
    from translink.observe.record import CallAccount, RecordedFigures
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings

log = structlog.get_logger("translink")

T = TypeVar("T")
R = TypeVar("R")
SENTENCE_PAUSE = RATE * 3 // 10
"""Samples of silence after which a sentence is taken to be over."""
SILENT_AFTER = 1.5
"""Seconds without a datagram from either side after which a call counts as silent."""
STALLED_AFTER = 0.65
"""Seconds without a frame after which nothing more is to come: the engine takes a gateway that
stands still for 0.4 s (0.6 where RTP may come) to have stopped, and makes silence, which tells
sooner."""
GUARD_SECONDS = 1.0
"""From a call's last datagram until another one may begin a new call: what comes sooner may be a
straggler. It is kept (`Leg.keep`), so that a talker who goes on is heard from the first word."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a call."""

    settings: LegSettings
    media: MediaLeg
    start: int
    """First sample of the call on this leg."""
    hearing: Hearing
    """Of its ear."""
    second: bool = False
    """Of its pair."""
    there: bool = False
    """They are known to be on the line."""
    awaited: bool = False
    """They are known to come later: over a connection that is not there yet (`Announcements.came`)."""


class Call:
    """One call between two parties. Create it with the first datagram; `run` it as a task."""

    def __init__(
        self,
        name: str,
        parties: tuple[Party, Party],
        *,
        vendors: CallVendors,
        journal: Journal,
        stages: Stages,
        streaming: Callable[[str], bool],
        settings: Settings,
        after: Sequence[Call] = (),
    ) -> None:
        """`streaming(leg)` says whether that leg's recogniser should stream. `after` = calls on the
        same legs that still drain: they have the ears until then."""
        services, notices = vendors.services, vendors.notices
        self.services = services
        """Those of its vendors."""
        self.name = name
        self.began = unix()
        self.stages = Stages()
        """This call's own histograms."""
        self._began = time.monotonic()
        self._journal = journal
        self._drain = settings.drain_timeout
        self._idle = settings.idle_timeout
        self._parties = {party.settings.name: party for party in parties}
        self._ended = asyncio.Event()
        self._reason = ""
        self.over = False
        """It has ended, and drained."""
        self._patience = 0.0
        self.detached = False
        """Nobody is heard in it any more; what comes on its legs is the next call's."""
        self.next_from = 0.0
        """When the next call may begin on its legs (monotonic seconds), once this one is
        detached."""
        self.drained = asyncio.Event()
        """Its legs' ears are free for the next call."""
        self._bug: Exception | None = None
        self._after = [call.drained for call in after]
        self._again: dict[str, RepeatingEar] = {}
        """By the leg that hears."""
        if settings.dtmf.repeat is not None:
            self._again = {leg: RepeatingEar(each.media) for leg, each in self._parties.items()}
        self.announcements = Announcements(name, self._parties, journal, notices)
        self.recordings: list[Callable[[], RecordedFigures]] = []
        """Asks each of its recordings how it stands."""
        one, two = parties
        self._voices = {
            talker.settings.name: TalkerVoice(
                talker.settings.voice_for, hearer.settings.voice, second=talker.second
            )
            for talker, hearer in ((one, two), (two, one))
        }
        meters = {leg: Usage() for leg in self._parties}
        self._awaited = {
            leg: AwaitedLanguage(
                settings.detection.wait, partial(weakly(self._not_heard_yet, None), leg)
            )
            for leg, each in self._parties.items()
            if each.settings.candidates
        }
        """By the leg that hears."""
        self.interpreters: Mapping[str, Interpreter] = {
            talker.settings.name: Interpreter(
                Direction(
                    call=name,
                    leg=talker.settings.name,
                    hearer=hearer.settings.name,
                    language=talker.settings.languages[0],
                    target=hearer.settings.languages[0],
                    voice=self._voices[talker.settings.name].wish,
                    ledger_seconds=talker.settings.ledger_seconds,
                    keyterm=talker.settings.keyterm,
                    candidates=talker.settings.candidates,
                    awaited=self._awaited.get(hearer.settings.name),
                ),
                talker.start,
                microphone=WithoutEcho(talker.media),
                ear=self._again.get(hearer.settings.name, hearer.media),
                services=metered(services, meters[talker.settings.name]),
                journal=journal,
                stages=(stages, self.stages),
                streaming=streaming(talker.settings.name),
                rules=vendors.rules,
                segment=settings.segment,
                after=[
                    *self._after,
                    *self.announcements.before_speech(hearer.settings.name),
                ],
                lag=Lag(hearer.hearing, settings.lag),
                own_hearing=talker.hearing,
            )
            for talker, hearer in ((one, two), (two, one))
        }
        media = {leg: each.media for leg, each in self._parties.items()}
        self.books = CallBooks(
            self.interpreters,
            media,
            self.stages,
            meters,
            stream=services.live.name,
            prices=settings.cost,
            orders=vendors.orders,
        )

        for leg in self._awaited:
            self.interpreters[leg].on_language = partial(weakly(self._found, None), leg)

    @property
    def legs(self) -> tuple[str, ...]:
        """Names of the two legs."""
        return tuple(self._parties)

    @property
    def ending(self) -> bool:
        """It has ended, and says what it owes."""
        return self._ended.is_set()

    def frames(self, leg: str, frames: list[Frame]) -> int:
        """New audio on one of the legs, until the call is detached. Returns how many frames of silence may
        come together from now on; 0 = each at once."""
        if self.detached:
            return 0
        self.announcements.came(leg)
        return self._guarded(self.interpreters[leg].frames, frames) or 0

    def playout(self, leg: str, event: Playout) -> None:
        """A step in the ear of `leg`: it concerns what the other party said."""
        self._guarded(partial(self.announcements.playout, leg), event)
        if leg in self._again:
            self._again[leg].playout(event)
        for name, interpreter in self.interpreters.items():
            if name != leg:
                self._guarded(interpreter.playout, event)

    def last_datagram(self) -> float:
        """When either leg last heard from its gateway (monotonic seconds)."""
        return max(p.media.counters()["last_datagram"] for p in self._parties.values()) / 1e9

    def last_sign(self) -> float:
        """The same, or when the call was begun, if nothing was heard yet."""
        return max(self._began, self.last_datagram())

    def look(self) -> float:
        """To be called at even intervals, about once a second: note how far the ears are behind,
        and ask talkers for a pause. Returns `last_sign`."""
        now, newest = time.monotonic(), self._began
        counters = {leg: each.media.counters() for leg, each in self._parties.items()}
        for name, interpreter in self.interpreters.items():
            newest = max(newest, counters[name]["last_datagram"] / 1e9)
            behind = counters[self._hearer_of(name)]["behind_ns"] / 1e9
            interpreter.lag.look(behind)
            if counters[name]["playout_queued"]:
                continue  # they hear something else: the tone waits
            if interpreter.lag.asks(now, behind, interpreter.listener.speech.quiet_for()):
                self._ask_for_pause(name, behind)
        self.books.look()
        return newest

    def _ask_for_pause(self, talker: str, behind: float) -> None:
        media = self._parties[talker].media
        if media.original == "captions":
            return  # they hear nothing
        with contextlib.suppress(LookupError, RuntimeError):  # a leg may be out of service
            media.play(next_utterance(), tone(), last=True)
            self._journal.emit("pause", {"behind_s": round(behind, 1)}, call=self.name, leg=talker)

    def _hearer_of(self, talker: str) -> str:
        """The leg that hears them."""
        one, two = self._parties
        return two if talker == one else one

    def _found(self, leg: str, language: str) -> None:
        """What the party on `leg` speaks, they hear, too."""
        talker = self._hearer_of(leg)
        self.interpreters[talker].set_target(language, self._voices[talker].wish)
        self.announcements.languages[leg] = language
        self._awaited[leg].known()

    def _not_heard_yet(self, leg: str) -> None:
        """The party on `leg` has said too little, and what they are to hear waits no longer."""
        language = self._parties[leg].settings.languages[0]
        reason = "not heard yet"
        log.warning("language assumed", call=self.name, leg=leg, language=language, reason=reason)
        data: dict[str, Scalar] = {"language": language, "how": "assumed", "reason": reason}
        self._journal.emit("language", data, call=self.name, leg=leg)

    def set_language(self, leg: str, language: str) -> None:
        """The party on `leg` speaks and hears another language from now on."""
        if leg in self._awaited:
            self._awaited[leg].known()
        self.announcements.languages[leg] = language
        for name, interpreter in self.interpreters.items():
            if name == leg:
                interpreter.set_language(language)
            else:
                self._voices[name].of_hearer = None
                interpreter.set_target(language, self._voices[name].wish)

    def set_voice_for(self, leg: str, voice_for: str | None) -> None:
        """Another voice speaks for the party on `leg` from the next segment on."""
        self._voices[leg].of_talker = voice_for
        self.interpreters[leg].set_target(None, self._voices[leg].wish)

    def say_again(self, leg: str) -> bool:
        """The ear of `leg` hears the last translation again; False: there was none yet, or it is not
        kept (`dtmf.repeat`)."""
        return leg in self._again and self._again[leg].again()

    def end(self, reason: str, *, patience: float = 0.0) -> None:
        """Let the call end in good order: what was said is still recognised, translated and
        spoken. A talker in mid-sentence gets `patience` seconds to reach a pause."""
        if not self._ended.is_set():
            self._reason = reason
            self._patience = patience
            if patience <= 0:
                self._detach()
            self._ended.set()

    async def run(self) -> None:
        """Serve until the call has ended and drained. Raises whatever bug ended it early."""
        log.info("call begins", call=self.name, legs=list(self._parties))
        self._journal.emit("call", {"state": "begun", "legs": list(self._parties)}, call=self.name)
        try:
            async with asyncio.TaskGroup() as group:
                running = [
                    group.create_task(interpreter.run(), name=f"interpreter-{leg}")
                    for leg, interpreter in self.interpreters.items()
                ]
                self.announcements.begin(group, self._after)
                await self._ended.wait()
                self.announcements.give_up()
                if self._bug is None:
                    within = self._drain - await self._last_words()
                    finishing = (i.finish(within) for i in self.interpreters.values())
                    await asyncio.gather(*finishing)
                if self._bug is not None:
                    raise self._bug
                await asyncio.wait(running, timeout=0.5)
                self.announcements.close()
                for task in running:
                    task.cancel()
        except BaseException:
            self._reason = self._reason or "error"
            raise
        finally:
            self._detach()
            self._summarise()

    def summary(self) -> dict[str, Scalar]:
        """The call in one flat row; `reason` is empty while it goes on."""
        out: dict[str, Scalar] = {
            "seconds": round(time.monotonic() - self._began, 1),
            "reason": self._reason,
        }
        for leg, interpreter in self.interpreters.items():
            stats, tally = interpreter.listener.stats, interpreter.tally
            out |= {f"{leg}.{key}": value for key, value in asdict(tally).items()}
            out |= {
                f"{leg}.connections": stats.connections_total,
                f"{leg}.failovers": stats.failovers,
                f"{leg}.replayed_ms": round(stats.replayed_ms),
                f"{leg}.lost_ms": round(stats.lost_ms),
                f"{leg}.errors": stats.errors,
            }
            hearer = self._hearer_of(leg)
            out |= {
                f"{hearer}.behind_max_s": round(interpreter.lag.most, 1),
                f"{hearer}.behind_p95_s": round(interpreter.lag.p95, 1),
            }
        if (cost := self.books.cost()) is not None:
            out["cost"] = cost
        out |= recorded_in_short([recording() for recording in self.recordings])
        for stage in ("mouth_to_ear", "own"):
            if self.stages[stage].count:
                out[f"{stage}_p50_ms"] = self.stages[stage].summary()["p50"]
        return out

    def account(self) -> CallAccount:
        """Its figures as they are now."""
        return self.books.account([recording() for recording in self.recordings])

    def row(self) -> CallRow:
        """The call in a list."""
        interpreters = self.interpreters.values()
        tallies = [interpreter.tally for interpreter in interpreters]
        heard = self.stages["mouth_to_ear"]
        return CallRow(
            call=self.name,
            state="ended" if self.over else "running",
            began=self.began,
            seconds=round(time.monotonic() - self._began, 1),
            reason=self._reason,
            legs=self.legs,
            languages=tuple(i.language for i in interpreters),
            modes=tuple(i.listener.state.value for i in interpreters),
            lost_ms=round(sum(i.listener.stats.lost_ms for i in interpreters), 1),
            segments=sum(tally.segments for tally in tallies),
            words=sum(tally.words for tally in tallies),
            characters=sum(tally.characters for tally in tallies),
            listened=False,
            mouth_to_ear_p50_ms=(round(heard.quantile(0.5) * 1000, 1) if heard.count else None),
            waiting_ms=self._waiting_ms(),
            ends_in_s=self._ends_in(),
            behind_s=self._behind(),
            behind_max_s=round(max(i.lag.most for i in interpreters), 1),
            skipped=sum(tally.skipped for tally in tallies),
            echoed=sum(tally.echoed for tally in tallies),
            cost=self.books.cost(),
        )

    def _behind(self) -> float:
        if self.over:
            return 0.0
        return round(max(i.lag.hearing.behind() for i in self.interpreters.values()), 1)

    def _waiting_ms(self) -> float:
        if self.over:
            return 0.0
        return sum(each.listener.waiting_ms for each in self.interpreters.values())

    def _ends_in(self) -> float | None:
        """Seconds until it ends for silence; None while datagrams come, or when it is ending."""
        silent = time.monotonic() - self.last_sign()
        if silent < SILENT_AFTER or self._ended.is_set():
            return None
        return round(max(0.0, self._idle - silent), 1)

    async def _last_words(self) -> float:
        """Listen until nobody speaks or patience ends; the seconds that took."""
        began = time.monotonic()
        while self.talking() and time.monotonic() - began < self._patience:  # noqa: ASYNC110 - frames tell
            await asyncio.sleep(0.02)
        self._detach()
        return time.monotonic() - began

    def _detach(self) -> None:
        """Hear nobody from here on: the next sample is the next call's."""
        if not self.detached:
            for party in self._parties.values():
                party.media.hand_over()
            self.detached = True
            self.next_from = self.last_datagram() + min(GUARD_SECONDS, self._idle)
            for party in self._parties.values():
                # A leg may be out of service, or all of them.
                with contextlib.suppress(LookupError, RuntimeError):
                    party.media.detach()

    def talking(self) -> tuple[str, ...]:
        """Legs on which somebody is speaking."""
        now = time.monotonic()
        speeches = ((leg, each.listener.speech) for leg, each in self.interpreters.items())
        return tuple(
            leg
            for leg, speech in speeches
            if speech.quiet_for() < SENTENCE_PAUSE
            and now - speech.captured(speech.head) < STALLED_AFTER
        )

    def _guarded(self, take: Callable[[T], R], news: T) -> R | None:
        """What the media calls must not raise there: a bug in it is `run`'s to raise."""
        try:
            return take(news)
        except Exception as error:
            self._bug = self._bug or error
            self._ended.set()
            return None

    def _summarise(self) -> None:
        self.over = True
        self.books.look()
        summary = self.summary()
        log.info("call ended", call=self.name, **summary)
        self._journal.emit("call", {"state": "ended", **summary}, call=self.name)
