"""A talker whose language nobody knows: it is found from their first words, and none of them is lost,
doubled, or recognised in another language. In virtual time."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lived import assert_lossless, live
from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink.recognition.evidence import DetectRules
from translink.recognition.rules import ListenRules, ListenState

CANDIDATES = ("en", "fr", "de")


def unknown(spoken: str, **plan: object) -> Plan:
    return dataclasses.replace(Plan(spoken=spoken, candidates=CANDIDATES), **plan)  # type: ignore[arg-type]


@pytest.mark.parametrize("spoken", CANDIDATES)
@pytest.mark.parametrize("streaming", [True, False])
def test_it_is_found_from_the_first_words_and_they_are_recognised_in_it(
    spoken: str, streaming: bool
) -> None:
    world = live(unknown(spoken), streaming=streaming)
    assert_lossless(world)
    ((at, language, how),) = world.found
    assert (language, how) == (spoken, "found")
    assert at < 4.0
    assert {world.listener.language_at(start) for start, _ in world.places} == {spoken}
    assert world.detections == 1, "what was found is not asked for again"


def test_until_it_is_found_nobody_recognises_anything_and_the_state_says_why() -> None:
    world = live(unknown("fr"))
    assert world.states[0][1] is ListenState.CONNECTING
    assert all(at >= world.found[0][0] for at in (*world.connected_at, *world.heard_at))


def test_a_detector_that_is_unsure_is_asked_again_with_more_speech() -> None:
    world = live(unknown("de", hard=12))
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("de", "found")]
    assert 2 <= world.detections <= 6


def test_what_is_not_found_in_time_is_the_first_candidate_and_no_word_waits_longer() -> None:
    world = live(unknown("pl"))
    assert_lossless(world)
    ((at, language, how),) = world.found
    assert (language, how) == ("en", "assumed")
    assert at <= 6.0 + 1.0
    assert world.detections <= 12, "and it is not asked for ever"


def test_what_was_only_assumed_is_changed_once_it_is_found() -> None:
    world = live(unknown("fr", undetected=[(0.0, 9.0)]), seconds=40.0)
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("en", "assumed"), ("fr", "found")]


def test_a_detector_that_is_down_for_a_moment_costs_no_word() -> None:
    world = live(unknown("fr", undetected=[(0.0, 3.0)]))
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("fr", "found")]


def test_a_short_call_is_recognised_in_its_language_too() -> None:
    world = live(unknown("fr", hang_up=0.5))
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("fr", "found")]


def test_whoever_hangs_up_while_it_is_looked_for_is_not_lost() -> None:
    world = live(unknown("fr", undetected=[(0.0, 99.0)], hang_up=2.0))
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("en", "assumed")]


def test_a_call_in_which_nobody_speaks_finds_nothing_and_ends() -> None:
    async def call() -> World:
        world = World(1, unknown("fr"))
        running = asyncio.create_task(world.listener.run())
        await asyncio.sleep(20.0)
        await world.listener.finish(3.0)
        await running
        return world

    world = run_virtually(call())
    assert (world.found, world.detections, world.handshakes) == ([], 0, 0)


def test_a_recogniser_at_a_loss_is_the_evidence_on_which_it_changes() -> None:
    world = live(unknown("fr", then=(15.0, "de")), seconds=60.0)
    assert_lossless(world)
    assert [each[1:] for each in world.found] == [("fr", "found"), ("de", "changed")]
    assert 15.0 < world.found[1][0] < 30.0


def test_a_language_that_somebody_sets_ends_the_search() -> None:
    async def call() -> World:
        world = World(1, unknown("pl"))
        asyncio.get_running_loop().call_later(2.0, world.listener.set_language, "fr")
        await world.live_through(30.0)
        return world

    world = run_virtually(call())
    assert_lossless(world)
    assert world.found == []
    assert {world.listener.language_at(start) for start, _ in world.places} == {"fr"}


@pytest.mark.parametrize("streaming", [True, False])
def test_who_says_one_sentence_and_sends_nothing_more_is_recognised_once_it_is_known(
    streaming: bool,
) -> None:
    plan = unknown("fr", quits=2.0, undetected=[(0.0, 4.5)])
    world = live(plan, seconds=30.0, streaming=streaming)
    assert_lossless(world)
    assert max(world.heard_at) < 12.0, "not only when they hang up"


@given(
    seed=st.integers(0, 10_000),
    spoken=st.sampled_from([*CANDIDATES, "pl"]),
    hard=st.integers(0, 15),
    undetected=st.floats(0, 12),
    reset=st.lists(st.floats(0.5, 25), max_size=2),
    down=st.floats(0, 5),
    natural=st.booleans(),
    streaming=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_meanwhile_no_word_is_lost_or_doubled(
    seed: int, spoken: str, hard: int, undetected: float, reset: list[float], down: float,
    natural: bool, streaming: bool,
) -> None:  # fmt: skip
    plan = unknown(
        spoken,
        hard=hard,
        undetected=[(0.0, undetected)],
        reset=reset,
        down=[(1.0, 1.0 + down)],
        natural=natural,
    )
    assert_lossless(live(plan, seed, 25.0, streaming=streaming))


def test_the_bound_is_a_rule() -> None:
    async def call() -> World:
        rules = ListenRules(detect=DetectRules(wait=2.0))
        world = World(1, unknown("pl"), rules=rules)
        await world.live_through(10.0)
        return world

    world = run_virtually(call())
    assert world.found[0][0] < 3.0
