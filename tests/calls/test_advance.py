"""Ahead without risk, in virtual time: interims that come true, or do not, and the other one's ear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.calls.test_interpreter import InterpreterRoom
from tests.support.speaking import FakeEar, Talkers, provider_error, sound
from tests.support.virtual import run_virtually
from tests.support.world import Plan
from translink.calls.ahead import GRANTED
from translink.calls.awaited import AwaitedLanguage
from translink.calls.interpreter import Interpreter
from translink.errors import Kind, ProviderError
from translink.results import RATE, Result, Translation, Word
from translink.settings.speech import SegmentSettings


@dataclass
class Foresight:
    """Providers that are asked ahead."""

    delay: float = 0.2
    slowness: float = 0.05
    fails: ProviderError | None = None
    voice_fails: int | None = None
    """After how many words, before anybody knew."""
    asked: list[str] = field(default_factory=list)
    voiced: list[str] = field(default_factory=list)
    under_way: int = 0
    confirmed: list[bool] = field(default_factory=list)

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        self.asked.append(text)
        self.under_way += 1
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.under_way -= 1
        if self.fails:
            raise self.fails
        return Translation(text.upper(), "ahead", self.delay)

    async def speak(
        self, text: str, language: str, voice: str | None, confirmed: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        self.voiced.append(text)
        self.under_way += 1
        try:
            for number, word in enumerate(text.split()):
                await asyncio.sleep(self.slowness)
                if number == self.voice_fails:
                    self.confirmed.append(confirmed())
                    raise provider_error("no voice")
                yield sound(word)
        finally:
            self.under_way -= 1


class AheadRoom(InterpreterRoom):
    """An interpreter that may ask ahead, and nobody who talks but the test."""

    def __init__(
        self, foresight: Foresight, share: float, awaited: AwaitedLanguage | None = None
    ) -> None:
        super().__init__(Plan(), Talkers(), FakeEar(), ("en", "fr"))
        self.foresight = foresight
        old = self.interpreter
        self.interpreter = Interpreter(
            replace(old.direction, awaited=awaited),
            0,
            microphone=self.world.ledger,
            ear=self.ear,
            services=replace(
                self.talkers.services(), live=self.world, ahead=foresight, pressure=self.pressure
            ),
            journal=self.journal,
            stages=[self.stages],
            streaming=False,
            segment=SegmentSettings(ahead=share, max_hold=30.0, max_wait=30.0),
        )
        self.ear.tell = self.interpreter.playout

    def interim(self, start: float, end: float, text: str) -> None:
        """The words share the time but for the last half second."""
        tokens = text.split()
        step = (end - 0.5 - start) / len(tokens)
        words = tuple(
            Word(t, int((start + i * step) * RATE), int((start + (i + 1) * step) * RATE))
            for i, t in enumerate(tokens)
        )
        self.interpreter.interim(
            Result(
                int(start * RATE),
                int(end * RATE),
                text,
                words,
                final=False,
                received=time.monotonic(),
            )
        )

    @property
    def counted(self) -> tuple[int, int, int]:
        tally = self.interpreter.tally
        return tally.ahead, tally.ahead_used, tally.ahead_wasted


def foreseeing(
    scene: Callable[[AheadRoom], Awaitable[None]],
    foresight: Foresight | None = None,
    share: float = 1.0,
    awaited: AwaitedLanguage | None = None,
) -> AheadRoom:
    async def main() -> AheadRoom:
        room = AheadRoom(foresight or Foresight(), share, awaited)
        running = asyncio.create_task(room.interpreter.run())
        await asyncio.sleep(0)
        await scene(room)
        await room.interpreter.finish(60)
        await running
        assert room.foresight.under_way == 0
        return room

    return run_virtually(main())


CLAUSE = "we went to Paris,"


def test_a_clause_that_is_confirmed_is_heard_with_its_final() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(1)
        assert room.ear.utterances == [], "nothing is heard that may be taken back"
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(0.03)
        assert len(room.ear.utterances) == 1
        await asyncio.sleep(3)

    room = foreseeing(scene)
    assert room.ear.heard == [CLAUSE.upper()]
    assert room.talkers.requests == []
    assert room.talkers.voiced == []
    length = len(CLAUSE)
    assert room.counted == (length, length, 0)
    assert room.interpreter.tally.characters == length
    assert room.stages["own"].max < 0.03
    assert room.stages["translate"].max == pytest.approx(0.2, abs=0.01), "the provider's own time"
    assert room.stages["request_to_audio"].max == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("after", [0.05, 0.22, 0.3])
def test_a_final_that_comes_sooner_waits_for_what_is_under_way(after: float) -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(after)
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(5)

    room = foreseeing(scene)
    assert room.ear.heard == [CLAUSE.upper()]
    assert (room.foresight.asked, room.talkers.requests) == ([CLAUSE], [])


@pytest.mark.parametrize(
    "final",
    [
        "we went to Parish,",
        "we went to Paris and London,",
        "so we went to Paris,",
        "we went to Paris.",
    ],
)
def test_whatever_the_final_changes_what_was_asked_ahead_is_not_heard(final: str) -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(1)
        room.final(0, 1.5, final, speech_final=True)
        await asyncio.sleep(3)

    room = foreseeing(scene)
    assert room.ear.heard == [final.upper()]
    assert [text for text, _ in room.talkers.requests] == [final]
    assert room.counted == (len(CLAUSE), 0, len(CLAUSE))


def test_a_revised_interim_stops_its_request() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, "we want to Paris,")
        await asyncio.sleep(0.1)
        room.interim(0, 3, CLAUSE + " and")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert room.foresight.under_way == 1
        await asyncio.sleep(1)
        room.final(0, 2.5, CLAUSE + " and then")
        await asyncio.sleep(3)

    room = foreseeing(scene)
    assert room.ear.heard == [CLAUSE.upper(), "AND THEN"]
    assert room.foresight.asked == ["we want to Paris,", CLAUSE, "and then"]
    assert room.foresight.voiced == [CLAUSE.upper(), "AND THEN"]


def test_two_sentences_ahead_keep_their_order_and_their_context() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 4, "we went to Paris. Then we went home.")
        await asyncio.sleep(1)
        room.final(0, 3.5, "we went to Paris. Then we went home. It was late.", speech_final=True)
        await asyncio.sleep(5)

    room = foreseeing(scene)
    assert room.ear.heard == ["WE WENT TO PARIS.", "THEN WE WENT HOME.", "IT WAS LATE."]
    assert [text for text, _ in room.talkers.requests] == ["It was late."]
    assert room.counted[1:] == (35, 0)


def test_another_language_or_another_ear_meanwhile_wants_it_anew() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(1)
        room.interpreter.set_target("de")
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(3)

    room = foreseeing(scene)
    assert [text for text, _ in room.talkers.requests] == [CLAUSE]
    assert room.events("translation")[0].data["target"] == "de"


def test_the_end_of_the_call_leaves_nothing_under_way() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(0.1)

    room = foreseeing(scene)
    assert room.ear.heard == []
    assert room.counted == (len(CLAUSE), 0, len(CLAUSE))


def test_beyond_the_budget_segments_come_as_without_it() -> None:
    async def scene(room: AheadRoom) -> None:
        for n in range(40):
            room.interim(0, 2 + n, f"we went to place{n:02},")
            await asyncio.sleep(0.01)
        room.final(0, 50, CLAUSE)
        await asyncio.sleep(3)

    room = foreseeing(scene, share=0.2)
    assert room.ear.heard == [CLAUSE.upper()]
    assert 0 < room.counted[0] <= 0.2 * GRANTED


@pytest.mark.parametrize("kind", [Kind.BUSY, Kind.TRANSIENT, Kind.DENIED])
def test_a_request_that_fails_ahead_is_asked_again_when_it_is_wanted(kind: Kind) -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(1)
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(3)

    room = foreseeing(scene, Foresight(fails=provider_error("too many", kind)))
    assert room.ear.heard == [CLAUSE.upper()]
    assert room.events("untranslated") == []


def test_a_voice_that_fails_before_anybody_hears_it_costs_no_word() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(1)
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(3)

    room = foreseeing(scene, Foresight(voice_fails=2))
    assert room.ear.heard == [CLAUSE.upper()]
    assert room.foresight.confirmed == [False]
    assert room.talkers.voiced == [CLAUSE.upper()]


def test_a_voice_that_fails_when_it_is_wanted_knows_it() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(0.32)
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(3)

    room = foreseeing(scene, Foresight(voice_fails=3))
    assert room.foresight.confirmed == [True], "so that the next voice in line goes on"


def test_a_translator_that_hangs_ahead_holds_up_its_segment_for_a_moment_only() -> None:
    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        await asyncio.sleep(0.5)
        room.final(0, 1.5, CLAUSE)
        await asyncio.sleep(1.0)
        assert [text for text, _ in room.talkers.requests] == [CLAUSE]

    room = foreseeing(scene, Foresight(delay=20.0))
    assert room.ear.heard == [CLAUSE.upper()]


def test_an_ear_that_wants_text_or_is_far_behind_is_asked_nothing_ahead() -> None:
    async def scene(room: AheadRoom) -> None:
        hearing = room.interpreter.lag.hearing
        hearing.behind = lambda: 2.0
        room.interim(0, 2, CLAUSE)
        hearing.behind = lambda: 0.0
        hearing.switch("captions", time.monotonic())
        room.interim(0, 3, CLAUSE)

    assert foreseeing(scene).foresight.asked == []


def test_words_that_wait_for_a_better_end_are_asked_for_meanwhile() -> None:
    async def scene(room: AheadRoom) -> None:
        room.final(0, 1.5, "we went to Paris with friends")
        await asyncio.sleep(1)
        assert room.foresight.voiced == ["WE WENT TO PARIS WITH FRIENDS"]
        assert room.ear.utterances == []

    room = foreseeing(scene)
    assert room.ear.heard == ["WE WENT TO PARIS WITH FRIENDS"]
    assert room.talkers.requests == []


def test_while_the_hearers_language_is_awaited_nothing_is_asked_ahead() -> None:
    awaited = AwaitedLanguage(5.0, lambda: None)

    async def scene(room: AheadRoom) -> None:
        room.interim(0, 2, CLAUSE)
        assert room.counted == (0, 0, 0)
        awaited.known()
        room.interim(0, 3, CLAUSE)
        assert room.counted == (len(CLAUSE), 0, 0)

    foreseeing(scene, awaited=awaited)
