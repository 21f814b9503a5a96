"""Pieces for the prerecorded API in virtual time: where they are cut, what is uploaded, what is
lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.number_talk import FRAME, hear
from tests.support.virtual import run_virtually
from tests.support.world import WorldLedger
from translink.errors import Kind, ProviderError
from translink.recognition.pieces import HANGOVER, PIECES_AT_ONCE, CutRule, Pieces
from translink.recognition.speech_map import SOFT_BEGINNING, SpeechMap
from translink.recognition.timeline import Item, Lost, Timeline
from translink.results import RATE, Result

WORD = 10
"""Frames of a word."""


class UploadDesk:
    """A talker, and a prerecorded API that does as it is asked."""

    def __init__(self, ledger_seconds: float = 60.0, start: int = 0) -> None:
        self.ledger = WorldLedger(ledger_seconds)
        # What the call before this one has heard.
        self.ledger.data += (99).to_bytes(2, "little") * start
        self.speech = SpeechMap(start, ledger_seconds)
        self.timeline = Timeline(start)
        self.items: list[Item] = []
        self.uploads: list[bytes] = []
        self.under_way = self.most_at_once = 0
        self.failures: list[ProviderError] = []
        self.said: list[str] = []
        self.answer: Callable[[bytes], Awaitable[Result]] = self.recognise
        self.pieces = Pieces(
            self.timeline,
            audio=self.ledger,
            speech=self.speech,
            transcribe=self._transcribe,
            on_change=lambda: self.items.extend(self.timeline.released()),
            on_failed=self.failures.append,
        )

    async def _transcribe(self, pcm: bytes, start: int) -> Result:
        self.uploads.append(pcm)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            return await self.answer(pcm)
        finally:
            self.under_way -= 1

    async def recognise(self, pcm: bytes) -> Result:
        await asyncio.sleep(0.3)
        words = hear(pcm)
        return Result(0, len(pcm) // 2, " ".join(w.text for w in words), tuple(words), final=True)

    async def fail(self, pcm: bytes) -> Result:
        await asyncio.sleep(0.1)
        raise ProviderError("down", provider="x", kind=Kind.TRANSIENT)

    @property
    def heard(self) -> list[str]:
        return [w.text for item in self.items if isinstance(item, Result) for w in item.words]

    @property
    def lost(self) -> list[Lost]:
        return [item for item in self.items if isinstance(item, Lost)]

    async def frame(self, value: int, rms: int = 0) -> None:
        start = self.speech.head
        self.ledger.data += value.to_bytes(2, "little") * FRAME
        self.speech.frame(start, speech=value > 0, rms=rms or value, captured=time.monotonic_ns())
        self.pieces.cut()
        await asyncio.sleep(0.02)

    async def word(self, gap: int = 3) -> None:
        """200 ms of the next number, then `gap` frames of silence (or, glued to the next, none)."""
        number = len(self.said) + 1
        self.said.append(str(number))
        for _ in range(WORD):
            await self.frame(number, rms=number)
        await self.quiet(gap)

    async def quiet(self, frames: int) -> None:
        for _ in range(frames):
            await self.frame(0)


def work(
    scene: Callable[[UploadDesk], Awaitable[None]],
    ledger_seconds: float = 60.0,
    within: float = 60.0,
    start: int = 0,
) -> UploadDesk:
    """Play `scene`, hang up, wait for the rest; nothing may go on after it."""

    async def main() -> UploadDesk:
        desk = UploadDesk(ledger_seconds, start)
        await scene(desk)
        desk.pieces.take(desk.speech.head)
        await desk.pieces.wait(within)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert desk.pieces.waiting == desk.under_way == 0
        assert desk.timeline.acknowledged == desk.speech.head
        return desk

    return run_virtually(main())


def test_a_leg_that_waits_for_many_answers_asks_for_a_few_at_once() -> None:
    """With the prerecorded API down each request is a socket."""

    async def slow(pcm: bytes) -> Result:
        await asyncio.sleep(6.0)
        return await desk_of[0].recognise(pcm)

    desk_of: list[UploadDesk] = []

    async def scene(desk: UploadDesk) -> None:
        desk_of.append(desk)
        desk.answer = slow
        for _ in range(8):
            await desk.word(gap=26)

    desk = work(scene)
    assert desk.most_at_once == PIECES_AT_ONCE
    assert desk.heard == desk.said
    assert not desk.lost


def test_a_pause_ends_a_piece_and_the_talk_alone_is_uploaded_with_some_air() -> None:
    async def scene(desk: UploadDesk) -> None:
        await desk.quiet(100)
        await desk.word()
        await desk.word(gap=26)
        assert len(desk.uploads) == 1
        await desk.quiet(100)

    desk = work(scene)
    assert desk.heard == desk.said
    (pcm,) = desk.uploads
    talk = (2 * WORD + 3) * FRAME
    assert len(pcm) == 2 * (SOFT_BEGINNING + talk + HANGOVER)


def test_a_short_pause_does_not() -> None:
    async def scene(desk: UploadDesk) -> None:
        for _ in range(10):
            await desk.word(gap=24)

    desk = work(scene)
    assert desk.heard == desk.said
    assert len(desk.uploads) == 1


def test_a_call_that_begins_in_mid_talk_hears_nothing_from_before_its_first_sample() -> None:
    """A word that the call before had said, or another person at that leg, was its first one, too."""

    async def scene(desk: UploadDesk) -> None:
        await desk.word(gap=26)

    desk = work(scene, start=RATE)
    assert desk.heard == desk.said == ["1"]
    (pcm,) = desk.uploads
    assert len(pcm) == 2 * (WORD * FRAME + HANGOVER)


def test_silence_is_settled_without_asking_anybody() -> None:
    async def scene(desk: UploadDesk) -> None:
        await desk.quiet(3000)
        assert desk.timeline.acknowledged > 58 * RATE
        assert desk.timeline.pending == 0

    desk = work(scene)
    assert desk.uploads == []
    assert desk.items == []


def test_a_monologue_is_cut_at_the_quietest_moment_and_every_word_is_heard_once() -> None:
    async def scene(desk: UploadDesk) -> None:
        for _ in range(200):
            await desk.word(gap=0)

    desk = work(scene)
    assert desk.heard == desk.said
    assert len(desk.uploads) > 2
    longest = CutRule().longest + SOFT_BEGINNING + HANGOVER + FRAME
    assert all(len(pcm) // 2 <= longest for pcm in desk.uploads)
    words = [[w.text for w in hear(pcm)] for pcm in desk.uploads]
    assert any(set(one) & set(two) for one, two in pairwise(words)), "both sides hear the border"


def test_a_monologue_with_a_breath_is_cut_there() -> None:
    async def scene(desk: UploadDesk) -> None:
        for number in range(60):
            await desk.word(gap=24 if number == 45 else 0)

    desk = work(scene)
    assert desk.heard == desk.said
    assert len(desk.uploads) == 2
    one, two = ({w.text for w in hear(pcm)} for pcm in desk.uploads)
    assert "46" in one
    assert "47" in two
    assert not one & two


def test_pieces_are_spoken_in_order_though_answers_come_out_of_order() -> None:
    async def scene(desk: UploadDesk) -> None:
        async def slower_first(pcm: bytes) -> Result:
            await asyncio.sleep(20.0 / len(desk.uploads))
            return await desk.recognise(pcm)

        desk.answer = slower_first
        for _ in range(5):
            await desk.word(gap=30)

    desk = work(scene)
    assert desk.heard == desk.said
    assert len(desk.uploads) == 5
    assert all(item.speech_final for item in desk.items if isinstance(item, Result))


def test_a_failed_piece_is_asked_for_again_until_somebody_is_back() -> None:
    async def scene(desk: UploadDesk) -> None:
        desk.answer = desk.fail
        await desk.word(gap=30)
        await asyncio.sleep(10)
        assert 4 <= len(desk.uploads) <= 10, "not a storm"
        assert desk.items == []
        desk.answer = desk.recognise

    desk = work(scene)
    assert desk.heard == desk.said
    assert len(desk.failures) == len(desk.uploads) - 1


def test_a_provider_that_asks_for_time_gets_it() -> None:
    async def scene(desk: UploadDesk) -> None:
        async def busy(pcm: bytes) -> Result:
            raise ProviderError("later", provider="x", kind=Kind.BUSY, retry_after=4.0)

        desk.answer = busy
        await desk.word(gap=30)
        await asyncio.sleep(10)
        assert len(desk.uploads) == 3
        desk.answer = desk.recognise

    assert work(scene).heard == ["1"]


def test_a_request_that_everybody_refuses_is_lost_and_the_next_is_not() -> None:
    async def scene(desk: UploadDesk) -> None:
        async def refuse(pcm: bytes) -> Result:
            desk.answer = desk.recognise
            raise ProviderError("what is this?", provider="x", kind=Kind.REFUSED)

        desk.answer = refuse
        await desk.word(gap=30)
        await desk.word(gap=30)

    desk = work(scene)
    assert desk.heard == ["2"]
    assert len(desk.lost) == 1
    assert desk.lost[0].start == 0
    assert len(desk.uploads) == 2


def test_what_ages_out_of_the_ledger_is_reported_to_the_sample() -> None:
    async def scene(desk: UploadDesk) -> None:
        desk.answer = desk.fail
        for _ in range(40):
            await desk.word(gap=30)
        desk.answer = desk.recognise

    desk = work(scene, ledger_seconds=8.0)
    words = [word for word in desk.heard if not word.startswith("~")]
    assert words == desk.said[-len(words) :]
    assert len(words) >= 8
    assert desk.lost
    assert desk.lost[0].start == 0
    ends = [lost.end for lost in desk.lost]
    # A word that had half left is heard as something else and counts as lost.
    border = (len(desk.said) - len(words)) * (WORD + 30) * FRAME
    assert border - (30 + WORD) * FRAME <= max(ends) <= border


def test_a_talk_that_is_gone_leaves_no_empty_request_behind() -> None:
    async def scene(desk: UploadDesk) -> None:
        desk.answer = desk.fail
        await desk.word(gap=26)
        del desk.uploads[:]
        # The ledger runs ahead of the map while Python is busy elsewhere.
        desk.ledger.data += bytes(2 * 8 * RATE)
        desk.answer = desk.recognise
        await asyncio.sleep(3)

    desk = work(scene, ledger_seconds=8.0)
    assert desk.uploads == []
    (lost,) = desk.lost
    assert lost.end == WORD * FRAME, "the silence after it is not"


def test_what_is_not_done_at_the_end_is_lost_and_said_so() -> None:
    async def scene(desk: UploadDesk) -> None:
        await desk.word(gap=30)
        await asyncio.sleep(1)
        desk.answer = desk.fail
        await desk.word(gap=30)

    desk = work(scene, within=2.0)
    assert desk.heard == ["1"]
    (lost,) = desk.lost
    assert lost.start < (WORD + 30) * FRAME < lost.end


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyError])
def test_a_bug_is_raised_where_it_ends_the_call_and_the_words_are_reported(
    kind: type[Exception],
) -> None:
    async def main() -> None:
        desk = UploadDesk()

        async def broken(pcm: bytes) -> Result:
            raise kind("a bug")

        desk.answer = broken
        watching = asyncio.create_task(desk.pieces.bugs())
        await desk.word(gap=30)
        with pytest.raises(kind):
            await asyncio.wait_for(watching, 1.0)
        assert len(desk.lost) == 1

    run_virtually(main())


@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(0, 80), st.floats(0, 4), st.booleans()),
        max_size=8,
    )
)
def test_however_people_talk_every_word_is_heard_once_and_in_order(
    script: list[tuple[int, int, float, bool]],
) -> None:
    async def scene(desk: UploadDesk) -> None:
        for words, pause, delay, fails in script:

            async def answer(pcm: bytes, delay: float = delay, fails: bool = fails) -> Result:
                await asyncio.sleep(delay)
                if fails:
                    raise ProviderError("down", provider="x", kind=Kind.TRANSIENT)
                return await desk.recognise(pcm)

            desk.answer = answer
            for _ in range(words):
                await desk.word(gap=0 if delay > 2 else 3)
            await desk.quiet(pause)
        desk.answer = desk.recognise

    desk = work(scene, ledger_seconds=120.0)
    assert desk.heard == desk.said
    assert desk.lost == []
