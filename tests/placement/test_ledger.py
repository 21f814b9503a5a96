"""A node's slots follow its calls."""

from __future__ import annotations

from translink.placement.ledger import MOST_AT_ONCE, SLOTLESS, SlotLedger
from translink.placement.protocol import CLAIM_PATIENCE


def test_a_slot_is_given_back_when_its_call_is_over() -> None:
    ledger = SlotLedger()
    assert ledger.look({3: "a-c1"}, ["a-c1"], 0.0) == ([], [])
    assert ledger.look({3: "a-c1"}, [], 0.5) == ([3], [])


def test_a_slot_that_nobody_came_with_is_given_back_after_a_while() -> None:
    ledger = SlotLedger()
    assert ledger.look({3: "claimed by b"}, [], 0.0) == ([], [])
    assert ledger.look({3: "claimed by b"}, [], CLAIM_PATIENCE - 0.1) == ([], [])
    assert ledger.look({3: "claimed by b"}, [], CLAIM_PATIENCE) == ([3], [])


def test_a_slot_that_its_creator_names_in_time_stays() -> None:
    ledger = SlotLedger()
    ledger.look({3: "claimed by b"}, ["a-c1"], 0.0)
    ledger.look({3: "a-c1"}, ["a-c1"], 10.0)
    assert ledger.look({3: "a-c1"}, ["a-c1"], 10.0 + CLAIM_PATIENCE) == ([], [])


def test_a_call_that_began_by_itself_gets_a_slot() -> None:
    """A gateway's datagrams begin one, or its slots were lost with the server that kept them."""
    ledger = SlotLedger()
    assert ledger.look({}, ["a-c1"], 0.0) == ([], [])
    assert ledger.look({}, ["a-c1"], SLOTLESS) == ([], ["a-c1"])
    assert ledger.look({0: "a-c1"}, ["a-c1"], SLOTLESS + 0.1) == ([], [])


def test_a_call_with_two_slots_keeps_one() -> None:
    assert SlotLedger().look({1: "a-c1", 2: "a-c1"}, ["a-c1"], 0.0) == ([2], [])


def test_one_step_does_not_do_everything_at_once() -> None:
    ledger, calls = SlotLedger(), [f"a-c{number}" for number in range(100)]
    ledger.look({}, calls, 0.0)
    assert len(ledger.look({}, calls, SLOTLESS)[1]) == MOST_AT_ONCE
    ledger.look(dict(enumerate(calls)), calls, 4.0)
    assert len(ledger.look(dict(enumerate(calls)), [], 5.0)[0]) == MOST_AT_ONCE


def test_the_slot_of_a_call_that_was_over_before_it_was_seen_is_given_back_at_once() -> None:
    ledger = SlotLedger()
    assert ledger.look({1: "a-c1"}, [], 0.0, over=["a-c1", "a-c2"]) == ([1], [])
    assert ledger.look({2: "a-c2"}, [], 0.1) == ([2], []), "its creator was late"


def test_the_slot_of_a_call_that_was_over_before_its_slot_was_heard_of_is_given_back_at_once() -> (
    None
):
    ledger = SlotLedger()
    ledger.ended(["a-c1"], 0.0)
    assert ledger.look({}, ["a-c2"], 0.1) == ([], [])
    assert ledger.look({1: "a-c1"}, ["a-c2"], 0.5) == ([1], [])
    assert ledger.look({1: "a-c1"}, [], CLAIM_PATIENCE + 1.0) == ([], []), (
        "it is not kept in mind for ever"
    )
