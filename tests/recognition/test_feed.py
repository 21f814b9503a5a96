"""One connection in virtual time: the pace, the watchdog, Finalize, the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.media import FakeFrame
from tests.support.number_talk import FRAME
from tests.support.virtual import run_virtually, stand_still
from tests.support.world import WorldLedger
from translink.errors import Kind, ProviderError
from translink.providers.cadence import Cadence
from translink.providers.pace import PACE, SLACK
from translink.recognition.feed import BACKLOG_MESSAGE, PATIENCE_WITHOUT, Feed, FeedLimits
from translink.recognition.finalizing import FinalizeRules, Finalizing
from translink.recognition.lull import LullRules
from translink.recognition.speech_map import SpeechMap
from translink.results import (
    RATE,
    Result,
    SpeechStarted,
    StillHeard,
    StreamEvent,
    UtteranceEnd,
    Word,
)

End = ProviderError | None


class IdleStream:
    """A stream that does nothing of its own accord."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.request_id = ""
        self.sent: list[tuple[float, bytes]] = []
        """Seconds since the beginning, and what."""
        self.finalized: list[float] = []
        self.closed = self.aborted = False
        self.stuck = False
        """Takes nothing any more."""
        self.full = False
        """Takes nothing without waiting."""
        self.at_once = 0
        """Messages that took no waiting."""
        self._events: asyncio.Queue[StreamEvent | End] = asyncio.Queue()

    @property
    def audio(self) -> bytes:
        return b"".join(pcm for _, pcm in self.sent)

    @property
    def seconds(self) -> float:
        return len(self.audio) / 2 / RATE

    def say(self, event: StreamEvent | End) -> None:
        self._events.put_nowait(event)

    def result(self, start: float, end: float, text: str = "", *, final: bool = False) -> None:
        self.say(Result(int(start * RATE), int(end * RATE), text, (), final))

    async def send(self, pcm: bytes) -> None:
        assert pcm
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append((time.monotonic() - self.began, pcm))

    def send_now(self, pcm: bytes) -> bool:
        assert pcm
        if self.stuck or self.full:
            return False
        self.at_once += 1
        self.sent.append((time.monotonic() - self.began, pcm))
        return True

    async def finalize(self) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.finalized.append(time.monotonic() - self.began)

    async def close(self, wait: float = 5.0) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True
        self.say(ProviderError("aborted", provider="x", kind=Kind.TRANSIENT))

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, ProviderError):
                raise event
            yield event


class FeedLine:
    """A talker, a ledger, a feed and its stream."""

    def __init__(
        self,
        *,
        backlog: float = 0.0,
        origin: float = 0.0,
        patience: float = 2.5,
        early: float = 0.0,
        ledger_seconds: float = 60.0,
        cadence: Cadence | None = None,
    ) -> None:
        self.ledger = WorldLedger(ledger_seconds)
        self.speech = SpeechMap(0, ledger_seconds)
        self.events: list[StreamEvent] = []
        self.passed_over: list[float] = []
        self.frames_sent = 0
        self.messages = 0
        for _ in range(round(backlog * 50)):
            self.frame(speech=True)
        self.stream = IdleStream()
        self.feed = Feed(
            self.stream,
            int(origin * RATE),
            audio=self.ledger,
            speech=self.speech,
            limits=FeedLimits(patience),
            cadence=cadence or Cadence(),
            finalizing=Finalizing(self.speech, FinalizeRules(early=early)),
            on_event=self.events.append,
            on_sent=self._on_sent,
            on_passed_over=lambda end: self.passed_over.append(end / RATE),
        )
        self.running = asyncio.create_task(self.feed.run())

    def _on_sent(self, size: int, ready: int | None) -> None:
        self.messages += 1
        self.frames_sent += ready is not None

    def frame(self, *, speech: bool, rms: int = 1) -> FakeFrame:
        """One more frame, every sample of which tells its place."""
        start = self.speech.head
        pcm = (start // FRAME % 30_000 + 1).to_bytes(2, "little") * FRAME
        self.ledger.data += pcm
        now = time.monotonic_ns()
        self.speech.frame(start, speech=speech, rms=rms, captured=now)
        return FakeFrame(start, speech, now, now, pcm=pcm, rms=rms, peak=rms)

    async def talk(self, seconds: float, *, speech: bool = True) -> None:
        """In real time."""
        for _ in range(round(seconds * 50)):
            self.feed.frames([self.frame(speech=speech)])  # type: ignore[list-item]
            await asyncio.sleep(0.02)

    async def ends(self) -> str:
        """Wait for the feed's failure."""
        with pytest.raises(ProviderError) as caught:
            await self.running
        assert self.stream.aborted
        return str(caught.value)


def play(scene: Callable[..., Awaitable[None]], **line: Any) -> FeedLine:
    """Play `scene` on a line; nothing may be left running after it."""

    async def main() -> FeedLine:
        it = FeedLine(**line)
        await scene(it)
        if not it.running.done():
            it.running.cancel()
        await asyncio.gather(it.running, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return it

    return run_virtually(main())


# --- What is sent, and when ---


def test_at_the_head_every_frame_goes_out_the_moment_it_comes() -> None:
    line = play(lambda it: it.talk(1.0, speech=False))
    assert [pcm for _, pcm in line.stream.sent] == [
        bytes(line.ledger.data[at : at + 640]) for at in range(0, 32_000, 640)
    ]
    assert max(at - n * 0.02 for n, (at, _) in enumerate(line.stream.sent)) < 0.001
    assert line.frames_sent == 50
    assert line.stream.at_once == 49, "only the first one found the task not yet parked"


def test_after_a_second_of_quiet_silence_leaves_ten_frames_at_a_time() -> None:
    line = play(lambda it: it.talk(3.0, speech=False))
    sizes = [len(pcm) // 640 for _, pcm in line.stream.sent]
    assert sizes == [1] * 50 + [10] * 10
    assert line.stream.audio == line.ledger.data
    assert max(at - (n + 0.9) * 0.2 for n, (at, _) in enumerate(line.stream.sent[50:], 5)) < 0.3


def test_a_new_word_leaves_at_once_with_the_silence_held_before_it() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.14, speech=False)
        at = time.monotonic() - line.stream.began
        await line.talk(0.06)
        when, pcm = line.stream.sent[50]
        assert len(pcm) // 640 == 8, "seven held, and the first with speech"
        assert when - at < 0.001

    line = play(scene)
    assert line.stream.audio == line.ledger.data
    assert line.frames_sent == len(line.stream.sent)


def test_silence_may_come_together_when_nobody_waits_for_it() -> None:
    """As it does from the media, which is told how much. Only a word says how long it was on its way."""

    async def scene(line: FeedLine) -> None:
        async def come(frames: int, *, word: bool = False) -> int:
            await asyncio.sleep(0.02 * frames)
            made = [line.frame(speech=False) for _ in range(frames - word)]
            if word:
                made.append(line.frame(speech=True))
            return line.feed.frames(made)  # type: ignore[arg-type]

        assert [await come(1) for _ in range(51)] == [0] * 50 + [9]
        measured = line.frames_sent
        assert [await come(9), await come(10)] == [10, 10]
        assert line.frames_sent == measured
        assert await come(4, word=True) == 0
        assert line.frames_sent == measured + 1
        assert [len(pcm) // 640 for _, pcm in line.stream.sent[50:]] == [10, 10, 4]

    line = play(scene)
    assert line.stream.audio == line.ledger.data


def test_no_silence_is_held_while_speech_has_no_answer() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.4)
        await line.talk(2.0, speech=False)

    line = play(scene, patience=10.0)
    assert {len(pcm) // 640 for _, pcm in line.stream.sent} == {1}


def test_what_is_held_when_the_span_ends_is_sent_before_it_is_closed() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.1, speech=False)
        line.feed.end_at(line.speech.head)
        await asyncio.sleep(0.5)
        assert line.stream.closed

    line = play(scene)
    assert line.stream.audio == line.ledger.data


def test_frames_that_come_together_leave_as_one_message() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.2)
        for together in (2, 3, 5, 3, 2):
            line.feed.frames([line.frame(speech=False) for _ in range(together)])  # type: ignore[misc]
            await asyncio.sleep(0.02 * together)

    line = play(scene)
    assert [len(pcm) // 640 for _, pcm in line.stream.sent[10:]] == [2, 3, 5, 3, 2]
    assert line.stream.at_once == 9 + 5
    assert line.stream.audio == line.ledger.data


def test_a_frame_that_is_only_an_echo_is_silence_for_the_recogniser() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.2)
        for together in (1, 3, 1):
            frames = [line.frame(speech=False) for _ in range(together)]
            frames[-1] = replace(frames[-1], echo=True)
            line.feed.frames(frames)  # type: ignore[arg-type]
            await asyncio.sleep(0.02 * together)

    line = play(scene)
    heard = [line.stream.audio[at : at + 640] == bytes(640) for at in range(0, 15 * 640, 640)]
    assert [number for number, silent in enumerate(heard) if silent] == [10, 13, 14]
    assert len(line.stream.audio) == len(line.ledger.data)


def test_a_transport_that_is_full_now_and_then_changes_nothing_but_who_sends() -> None:
    async def scene(line: FeedLine) -> None:
        for number in range(200):
            line.stream.full = number % 7 < 3
            line.feed.frames([line.frame(speech=False)])  # type: ignore[list-item]
            await asyncio.sleep(0.02 if number % 2 else 0.0)
        await asyncio.sleep(3.0)

    line = play(scene)
    assert line.stream.audio == line.ledger.data
    assert 0 < line.stream.at_once < 200


def test_frames_that_came_in_a_burst_after_a_long_silence_are_sent_at_the_pace() -> None:
    """The gateway, or this machine, comes out of a stall: silence has earned no burst."""

    async def scene(line: FeedLine) -> None:
        await line.talk(0.2, speech=False)
        await asyncio.sleep(60)
        for _ in range(150):
            line.feed.frames([line.frame(speech=False)])  # type: ignore[list-item]
        await asyncio.sleep(1.0)
        sent = line.stream.seconds - 0.2
        assert PACE * 0.9 < sent < PACE * 1.0 + SLACK + BACKLOG_MESSAGE / RATE + 0.01
        await asyncio.sleep(2.0)
        assert line.stream.audio == line.ledger.data

    play(scene)


@given(
    backlog=st.floats(0.0, 6.0),
    origin=st.floats(0.0, 1.0),
    script=st.lists(st.tuples(st.floats(0.02, 1.0), st.floats(0.0, 3.0)), max_size=5),
)
def test_the_pace_is_kept_and_every_byte_is_sent_once_and_in_order(
    backlog: float, origin: float, script: list[tuple[float, float]]
) -> None:
    begin = min(round(origin * 50), round(backlog * 50)) / 50

    async def scene(line: FeedLine) -> None:
        for talk, pause in script:
            await line.talk(talk, speech=False)
            await asyncio.sleep(pause)
        await asyncio.sleep(max(0.0, backlog * 4 - 10))

    line = play(scene, backlog=backlog, origin=begin, patience=1e6)
    sizes = [len(pcm) for _, pcm in line.stream.sent]
    longest = LullRules().frames * FRAME
    assert all(size <= 2 * longest for size in sizes)
    for (at, _), total in zip(line.stream.sent, accumulate(sizes), strict=True):
        assert total <= 2 * (RATE * (PACE * at + SLACK) + longest) + 2
    whole = bytes(line.ledger.data[2 * int(begin * RATE) :])
    assert line.stream.audio == whole[: len(line.stream.audio)]
    spent = sum(talk + pause for talk, pause in script) + max(0.0, backlog * 4 - 10)
    unsent = len(whole) - len(line.stream.audio)
    assert unsent < 2 * longest or len(line.stream.audio) >= int(2 * RATE * spent) - 2 * longest


def test_a_backlog_is_caught_up_with_and_frames_go_the_short_way_again() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(9.0, speech=False)
        assert line.stream.seconds == pytest.approx(11.0, abs=0.021)
        before = line.frames_sent
        await line.talk(1.0)
        assert line.frames_sent == before + 50

    play(scene, backlog=2.0, patience=1e6)


def test_a_frame_that_got_lost_on_its_way_is_read_from_the_ledger() -> None:
    async def scene(line: FeedLine) -> None:
        for number in range(100):
            frame = line.frame(speech=True)
            if number % 7:
                line.feed.frames([frame])  # type: ignore[list-item]
            await asyncio.sleep(0.02)

    line = play(scene)
    assert line.stream.audio == line.ledger.data


def test_audio_that_the_ledger_does_not_have_yet_is_waited_for() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.2)
        known = bytes(line.ledger.data)
        frame = line.frame(speech=True)
        line.ledger.data[:] = known  # the map is ahead of the ledger
        line.feed.frames([])
        await asyncio.sleep(1.0)
        assert line.stream.audio == known
        line.ledger.data += frame.pcm
        line.feed.frames([])
        await asyncio.sleep(0.1)
        assert line.stream.audio == line.ledger.data

    play(scene)


def test_audio_that_has_left_the_ledger_is_not_passed_over_in_silence() -> None:
    async def scene(line: FeedLine) -> None:
        assert "left the ledger" in await line.ends()
        assert line.stream.sent == []

    play(scene, backlog=3.0, ledger_seconds=2.0)


# --- The watchdog ---


async def _hush(talking: asyncio.Task[None]) -> None:
    """Cancel and wait for it: from Python 3.12 on, a gather over what is done ends at once, so
    nothing else gives the task its turn."""
    talking.cancel()
    await asyncio.wait([talking])


def test_speech_without_any_message_means_a_dead_connection() -> None:
    async def scene(line: FeedLine) -> None:
        began = time.monotonic()
        talking = asyncio.create_task(line.talk(10))
        assert "nothing new" in await line.ends()
        assert 2.5 < time.monotonic() - began < 3.0 + 0.2
        await _hush(talking)

    play(scene)


def test_a_stream_that_falls_silent_after_an_interim_is_noticed() -> None:
    async def scene(line: FeedLine) -> None:
        talking = asyncio.create_task(line.talk(10))
        await asyncio.sleep(1.5)
        line.stream.result(0, 1.4, "hello")
        spoke = time.monotonic()
        assert "nothing new" in await line.ends()
        assert 2.5 < time.monotonic() - spoke < 3.0
        await _hush(talking)

    play(scene)


def test_speech_that_was_never_made_final_is_noticed_after_the_talker_has_stopped() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "hello")
        await line.talk(1.5, speech=False)
        assert "nothing new" in await line.ends()

    play(scene)


def test_a_stream_that_is_given_up_is_named_for_its_providers_support() -> None:
    async def scene(line: FeedLine) -> None:
        line.stream.request_id = "req-7"
        await line.talk(1.0)
        with pytest.raises(ProviderError, match="nothing new") as caught:
            await line.running
        assert caught.value.log_fields == {"request_id": "req-7"}

    play(scene)


def test_a_stream_that_hears_the_silence_sent_in_the_talkers_stead_is_alive() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "I would like to")
        for _ in range(10):
            await asyncio.sleep(0.5)
            line.stream.say(StillHeard(time.monotonic()))
        assert not line.running.done()
        assert "nothing new" in await line.ends()

    play(scene)


def test_a_process_that_stood_still_does_not_blame_the_stream_for_it() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "hello")
        await line.talk(0.3)
        stand_still(4.0)
        back = time.monotonic()
        await asyncio.sleep(0.1)
        assert not line.running.done()
        assert "nothing new" in await line.ends(), "if it stays silent"
        assert 1.5 < time.monotonic() - back < 3.0

    play(scene)


def test_a_click_without_an_answer_is_no_failure() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.1)
        await line.talk(10, speech=False)
        await line.talk(0.06)
        await line.talk(30, speech=False)
        assert not line.running.done()

    play(scene)


def test_silence_without_an_answer_is_no_failure() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(60, speech=False)
        await asyncio.sleep(600)
        assert not line.running.done()

    play(scene)


def test_noise_that_the_recogniser_hears_nothing_in_is_no_failure() -> None:
    async def scene(line: FeedLine) -> None:
        for second in range(30):
            await line.talk(1.0)
            line.stream.result(0, second + 1)
        assert not line.running.done()

    play(scene)


def test_a_slow_recogniser_is_not_taken_for_a_dead_one() -> None:
    async def scene(line: FeedLine) -> None:
        for second in range(0, 40, 2):
            await line.talk(2.0)
            line.stream.result(0, second + 0.5, "slow", final=True)
        assert not line.running.done()

    play(scene)


def test_messages_that_tell_nothing_new_are_no_progress() -> None:
    async def scene(line: FeedLine) -> None:
        began = time.monotonic()
        talking = asyncio.create_task(line.talk(10))
        line.stream.result(0, 0.5, "hello")

        async def chatter() -> None:
            while True:
                await asyncio.sleep(0.5)
                line.stream.say(SpeechStarted(RATE))
                line.stream.say(UtteranceEnd(RATE))
                line.stream.result(0, 0.5, "hello")

        chattering = asyncio.create_task(chatter())
        assert "nothing new" in await line.ends()
        assert time.monotonic() - began < 3.5
        await _hush(talking)
        await _hush(chattering)

    play(scene)


def test_finals_alone_every_four_seconds_are_enough_where_no_interims_were_asked_for() -> None:
    async def scene(line: FeedLine) -> None:
        for second in range(4, 60, 4):
            await line.talk(4.0)
            line.stream.result(second - 4, second - 0.5, "final", final=True)
        assert not line.running.done()

    play(scene, patience=PATIENCE_WITHOUT)


def test_how_slow_a_recogniser_is_is_learned_once_for_all_its_streams() -> None:
    cadence = Cadence()

    async def first(line: FeedLine) -> None:
        talking = asyncio.create_task(line.talk(4))
        assert "nothing new" in await line.ends()
        await _hush(talking)

    async def next_ones(line: FeedLine) -> None:
        for second in range(4, 40, 4):
            await line.talk(4.0)
            line.stream.result(second - 4, second - 0.5, "slow", final=True)
        assert not line.running.done()
        assert 4 < cadence.patience(2.5, time.monotonic()) < 10

    play(first, cadence=cadence)
    for _ in range(2):
        play(next_ones, cadence=cadence)


def test_a_finalled_talk_leaves_nothing_to_wait_for() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(2.0)
        line.stream.result(0, 2.0, "all", final=True)
        await line.talk(1.0, speech=False)
        await asyncio.sleep(60)
        assert not line.running.done()

    play(scene)


@pytest.mark.parametrize("what", ["send", "finalize"])
def test_a_stuck_peer_is_noticed_within_half_a_second(what: str) -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "nearly all")
        await line.talk(0.8, speech=False)
        line.stream.stuck = True
        if what == "send":
            line.feed.frames([line.frame(speech=False)])  # type: ignore[list-item]
        began = time.monotonic()
        assert "blocked" in await line.ends()
        assert time.monotonic() - began < (0.6 if what == "send" else 1.4)

    play(scene)


# --- Finalize ---


def test_finalize_is_asked_for_once_when_the_talker_was_quiet_for_a_second() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "hello")
        await line.talk(0.9, speech=False)
        assert line.stream.finalized == []
        await line.talk(0.5, speech=False)
        assert len(line.stream.finalized) == 1
        line.stream.result(0, 2.0, "hello", final=True)
        await line.talk(60, speech=False)
        assert len(line.stream.finalized) == 1

    play(scene)


def test_finalize_is_asked_for_when_nothing_comes_any_more() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "hello")
        await asyncio.sleep(1.4)
        assert len(line.stream.finalized) == 1
        line.stream.result(0, 1.0, "hello", final=True)
        await asyncio.sleep(60)
        assert len(line.stream.finalized) == 1
        assert line.passed_over == []

    play(scene)


def test_speech_that_was_answered_is_not_asked_for() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 1.0, "hello", final=True)
        await line.talk(60, speech=False)
        assert line.stream.finalized == []

    play(scene)


def test_a_finalize_without_an_answer_hands_the_stretch_on() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0)
        line.stream.result(0, 0.9, "hello")
        await line.talk(1.4, speech=False)
        for second in range(2):
            line.stream.result(0, 2 + second, "hello, still an interim")
            await line.talk(1.0, speech=False)
        await line.talk(0.5, speech=False)
        assert line.passed_over == [pytest.approx(1.6, abs=0.2)], "between the two words"
        line.stream.result(0, 4, "hello, still an interim")
        await line.talk(0.1, speech=False)
        assert len(line.stream.finalized) == 1
        assert not line.running.done()

    play(scene)


def test_a_stream_that_only_guesses_is_given_up() -> None:
    async def scene(line: FeedLine) -> None:
        async def guess() -> None:
            for second in range(100):
                line.stream.result(0, second, "guess")
                await line.talk(1.0)

        guessing = asyncio.create_task(guess())
        assert "no final for 10" in await line.ends()
        await _hush(guessing)

    play(scene)


def test_the_first_quiet_moments_are_asked_about_early_where_that_is_wanted() -> None:
    async def scene(line: FeedLine) -> None:
        for loud in (1000, 1000, 0, 1000, 0):
            for _ in range(25):
                frame = line.frame(speech=True, rms=loud)
                line.feed.frames([frame])  # type: ignore[list-item]
                await asyncio.sleep(0.02)
        asked = line.stream.finalized
        assert asked == [pytest.approx(1.1, abs=0.03), pytest.approx(2.1, abs=0.03)]

    play(scene, early=0.1)


# --- The end ---


def test_the_end_comes_when_the_limit_was_sent_and_the_rest_has_come_back() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(1.0, speech=False)
        line.feed.end_at(RATE * 3 // 2)
        await line.talk(2.0, speech=False)
        assert line.stream.seconds == 1.5
        assert line.stream.closed
        assert not line.running.done(), "the last results are still to come"
        line.stream.result(0, 1.5, "all", final=True)
        line.stream.say(None)
        await line.running
        assert len(line.events) == 1

    line = play(scene)
    assert not line.stream.aborted


def test_an_end_that_nobody_asked_for_is_a_failure() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.5)
        line.stream.say(None)
        assert "unasked" in await line.ends()

    play(scene)


def test_the_servers_own_reason_is_reported() -> None:
    async def scene(line: FeedLine) -> None:
        line.stream.say(ProviderError("1011 net0001", provider="x", kind=Kind.TRANSIENT))
        assert await line.ends() == "1011 net0001"

    play(scene)


def test_an_abort_ends_it_at_once() -> None:
    async def scene(line: FeedLine) -> None:
        line.feed.end_at(RATE)
        line.feed.abort()
        assert await line.ends() == "aborted"

    play(scene)


def test_a_bug_in_a_reader_of_the_events_is_not_swallowed() -> None:
    async def scene(line: FeedLine) -> None:
        line.feed._on_event = lambda event: [][1]
        line.stream.result(0, 1)
        with pytest.raises(IndexError):
            await line.running
        assert line.stream.aborted

    play(scene)


def test_cancelling_drops_the_connection() -> None:
    async def scene(line: FeedLine) -> None:
        await line.talk(0.5)
        line.running.cancel()
        await asyncio.wait([line.running])

    assert play(scene).stream.aborted


def test_what_comes_back_is_placed_in_the_legs_time() -> None:
    async def scene(line: FeedLine) -> None:
        await asyncio.sleep(0.1)
        line.stream.say(Result(0, 200, "a", (Word("a", 50, 90),), True))
        line.stream.say(UtteranceEnd(90))
        line.stream.say(UtteranceEnd(None))
        line.stream.say(SpeechStarted(40))
        await asyncio.sleep(0.1)

    line = play(scene, backlog=1.0, origin=0.5)
    assert line.events == [
        Result(8000, 8200, "a", (Word("a", 8050, 8090),), True),
        UtteranceEnd(8090),
        UtteranceEnd(None),
        SpeechStarted(8040),
    ]
    assert line.feed.heard
