"""The listener against providers that fail in every way, in virtual time: no word lost, none twice,
in order."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.media import FakeFrame
from tests.support.lived import assert_lossless, live
from tests.support.virtual import run_virtually
from tests.support.world import NumberStream, Plan, World
from translink.errors import Kind
from translink.recognition.feed import FeedLimits
from translink.recognition.rules import ListenRules, ListenState


def test_a_call_without_faults_uses_one_stream_and_no_request() -> None:
    world = live(Plan())
    assert_lossless(world)
    assert (world.handshakes, world.streams, world.requests) == (1, 1, 0)
    assert max(world.delays) < 5.0


def test_frames_wait_while_the_first_handshake_takes_its_time() -> None:
    world = live(Plan(handshake=1.2))
    assert_lossless(world)
    assert world.streams == 1


@pytest.mark.parametrize("stale", [0.02, 0.52, 5.0])
def test_what_the_media_forgot_before_the_call_is_nobodys_speech(stale: float) -> None:
    """A busy media thread ends the call before late: the next one counts from a sample that is
    gone."""
    world = live(Plan(stale=stale))
    assert_lossless(world)
    assert (world.handshakes, world.streams, world.requests) == (1, 1, 0)
    assert world.listener.stats.lost_ms == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_reset_with_the_server_back_at_once_costs_nothing(seed: int) -> None:
    world = live(Plan(reset=[5.0 + seed * 0.37, 17.1 + seed * 0.21]), seed)
    assert_lossless(world)
    assert world.streams == 3


@pytest.mark.parametrize("outage", [3.0, 8.0, 30.0])
def test_an_outage_of_the_stream_is_bridged_by_the_prerecorded_api(outage: float) -> None:
    world = live(
        Plan(reset=[10.0], refuse=[(10.0, 10.0 + outage, Kind.TRANSIENT)]), seconds=20.0 + outage
    )
    assert_lossless(world)
    assert world.fallbacks == 1, "said once"
    assert world.states[-2][1] is ListenState.STREAMING, "and it came back"
    assert world.handshakes <= 4 + outage


@pytest.mark.parametrize("kind", [Kind.DENIED, Kind.BUSY, Kind.REFUSED, Kind.TRANSIENT])
def test_a_handshake_that_never_works_leaves_the_call_to_the_prerecorded_api(kind: Kind) -> None:
    world = live(Plan(refuse=[(0.0, 1e9, kind)]))
    assert_lossless(world)
    assert world.streams == 0
    assert world.fallbacks == 1
    assert world.handshakes <= {Kind.REFUSED: 1, Kind.DENIED: 2}.get(kind, 15)


def test_a_handshake_that_hangs_does_not_hold_up_the_talk() -> None:
    world = live(Plan(handshake=10.0))
    assert_lossless(world)
    assert max(world.delays) < 16.0


@pytest.mark.parametrize("seed", range(10))
def test_a_mute_stream_is_noticed_and_replaced(seed: int) -> None:
    world = live(Plan(mute=[6.0 + seed * 0.43]), seed)
    assert_lossless(world)
    assert world.streams == 2


@pytest.mark.parametrize("seed", range(10))
def test_a_stream_that_stops_reading_is_noticed_and_replaced(seed: int) -> None:
    world = live(Plan(block=[6.0 + seed * 0.43]), seed)
    assert_lossless(world)
    assert world.streams == 2


def test_both_apis_down_means_waiting_not_losing() -> None:
    world = live(
        Plan(reset=[10.0], refuse=[(10.0, 20.0, Kind.TRANSIENT)], down=[(10.0, 20.0)]),
        seconds=40.0,
    )
    assert_lossless(world)


def test_what_leaves_the_ledger_before_anybody_came_back_is_reported_lost() -> None:
    world = live(
        Plan(reset=[10.0], refuse=[(10.0, 40.0, Kind.TRANSIENT)], down=[(10.0, 40.0)]),
        seconds=60.0,
        ledger_seconds=10.0,
    )
    assert world.losses
    missing = [word for word in world.said if word not in world.heard]
    assert missing
    # A word that had half left the ledger is heard as something else: that, too, is a loss, and it
    # is in the sum.
    heard = [word for word in world.heard if not word.startswith("~")]
    assert [word for word in world.said if word in heard] == heard
    assert sum(lost.end - lost.start for lost in world.losses) >= len(missing) * 3200


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_that_is_to_be_renewed_while_there_is_none_is_the_next_one(seed: int) -> None:
    """As when key terms change after a reset: the next stream has them, and is not replaced."""

    async def call() -> World:
        world = World(seed, Plan(reset=[10.0]))
        asyncio.get_running_loop().call_later(10.1, world.listener.renew)
        await world.live_through(20.0)
        return world

    world = run_virtually(call())
    assert_lossless(world)
    assert world.streams == 2


def test_the_mode_can_be_changed_twenty_times_in_a_call() -> None:
    world = live(Plan(flips=[2.0 + 1.3 * i for i in range(20)]), seconds=35.0)
    assert_lossless(world)


def test_the_language_can_be_changed_twenty_times_in_a_call() -> None:
    world = live(Plan(languages=[2.0 + 1.3 * i for i in range(20)]), seconds=35.0)
    assert_lossless(world)
    assert world.handshakes > 10
    assert world.most_streams == 1


@pytest.mark.parametrize("how", ["mute", "block", "reset"])
@pytest.mark.parametrize("at", [28.0 + 0.7 * i for i in range(10)])
def test_a_stream_that_dies_as_the_call_ends_costs_nothing(how: str, at: float) -> None:
    plan = Plan()
    getattr(plan, how).append(at)
    world = live(plan, seed=3, drain=7.0)
    assert_lossless(world)
    assert 29.0 < world.said_for < 36.0
    assert world.drained_in < 7.0


@pytest.mark.parametrize("how", ["mute", "block", "reset"])
def test_who_hangs_up_in_mid_sentence_is_heard_to_the_end_though_the_stream_dies(how: str) -> None:
    for tenths in range(20):
        plan = Plan(hang_up=20.0)
        getattr(plan, how).append(18.5 + tenths / 10)
        world = live(plan, seed=3, drain=4.0)
        assert_lossless(world)
        assert world.drained_in < 4.0


def test_a_stream_that_does_not_even_let_itself_be_dropped_is_reported_with_the_rest() -> None:
    class Sticky(NumberStream):
        """Ignores the first abort."""

        aborts = 0

        def abort(self) -> None:
            self.aborts += 1
            if self.aborts > 1:
                super().abort()

    async def call() -> World:
        rules = ListenRules(feed=FeedLimits(patience=60.0))
        world = World(3, Plan(hang_up=20.0, mute=[19.0]), rules=rules)

        async def connect(language: str) -> NumberStream:
            return Sticky(world)

        world.connect = connect  # type: ignore[method-assign]
        await world.live_through(30.0, drain=4.0)
        return world

    world = run_virtually(call())
    assert world.accounted
    assert world.heard == world.said[: len(world.heard)]
    assert world.losses


@pytest.mark.parametrize("drain", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("how", ["mute", "block"])
def test_what_nobody_recognises_before_the_end_is_reported(how: str, drain: float) -> None:
    plan = Plan(down=[(0.0, 1e9)], refuse=[(25.0, 1e9, Kind.TRANSIENT)])
    getattr(plan, how).append(25.0)
    world = live(plan, seed=3, drain=drain)
    missing = [word for word in world.said if word not in world.heard]
    assert world.heard + missing == world.said
    assert missing
    assert sum(lost.end - lost.start for lost in world.losses) >= len(missing) * 3200
    assert world.drained_in <= drain + 0.1


def test_audio_that_comes_after_the_end_is_not_of_this_call() -> None:
    async def call() -> None:
        world = World(1, Plan(refuse=[(0.0, 1e9, Kind.DENIED)]))
        await world.live_through(10.0)
        requests = world.requests
        world.listener.frames(
            [FakeFrame(50_000 * 320, True, 0, 0, rms=9, peak=9) for _ in range(200)]  # type: ignore[misc]
        )
        await asyncio.sleep(5)
        assert world.requests == requests
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(call())


def test_cancelling_reports_what_was_under_way() -> None:
    async def call() -> World:
        world = World(1, Plan(down=[(0.0, 1e9)], mute=[5.0]))
        living = asyncio.create_task(world.live_through(20.0))
        await asyncio.sleep(12)
        serving = [task for task in asyncio.all_tasks() if "Listener.run" in repr(task)]
        assert len(serving) == 1
        serving[0].cancel()
        await asyncio.wait(serving)
        living.cancel()
        await asyncio.wait([living])
        assert world.open_streams == 0
        assert world.losses
        assert world.states[-1][1] is ListenState.IDLE
        return world

    run_virtually(call())


@pytest.mark.parametrize("where", ["connect", "transcribe"])
def test_a_bug_in_a_provider_ends_the_listener_and_nothing_hangs(where: str) -> None:
    async def call() -> None:
        world = World(1, Plan(refuse=[(0.0, 1e9, Kind.DENIED)]))

        async def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        if where == "connect":
            world.connect = broken  # type: ignore[assignment,method-assign]
        else:
            world.listener._pieces._transcribe = broken  # type: ignore[assignment]
        began = time.monotonic()
        running = asyncio.create_task(world.listener.run())
        world.listener.run = asyncio.Event().wait  # type: ignore[assignment,method-assign]
        living = asyncio.create_task(world.live_through(30.0))
        with pytest.raises(ExceptionGroup) as caught:
            await running
        assert caught.group_contains(ZeroDivisionError)
        assert time.monotonic() - began < 10
        living.cancel()
        await asyncio.wait([living])

    run_virtually(call())


times = st.floats(0.5, 28.0)
intervals = st.tuples(times, st.floats(0.1, 12.0)).map(lambda t: (t[0], t[0] + t[1]))


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    plan=st.builds(
        Plan,
        refuse=st.lists(
            st.tuples(intervals, st.sampled_from([Kind.TRANSIENT, Kind.BUSY])).map(
                lambda t: (*t[0], t[1])
            ),
            max_size=2,
        ),
        reset=st.lists(times, max_size=4),
        mute=st.lists(times, max_size=2),
        block=st.lists(times, max_size=2),
        down=st.lists(intervals, max_size=2),
        flips=st.lists(times, max_size=6),
        languages=st.lists(times, max_size=6),
        handshake=st.floats(0.05, 3.0),
    ),
)
def test_whatever_fails_no_word_is_lost_or_doubled(seed: int, plan: Plan) -> None:
    assert_lossless(live(plan, seed))
