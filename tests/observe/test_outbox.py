"""Messages wait in order and within bounds; one bad one, or nobody there, holds nothing up for ever."""

from __future__ import annotations

from random import Random

from translink.observe.outbox import FIRST_WAIT, LONGEST_RETRY_WAIT, HookMessage, Outbox


def box(size: int = 10, attempts: int = 3, keep: float = 100.0) -> Outbox:
    return Outbox(size=size, attempts=attempts, keep=keep, rng=Random(1))


def message(number: int) -> HookMessage:
    return HookMessage(f"msg_{number}", "call.started", 1_000.0 + number)


def first(outbox: Outbox, now: float) -> HookMessage:
    due = outbox.next(now)
    assert isinstance(due, HookMessage)
    return due


def test_messages_go_out_in_the_order_in_which_they_came() -> None:
    outbox = box()
    for number in range(3):
        outbox.add(message(number), 0.0)
    ids = []
    while isinstance(due := outbox.next(1.0), HookMessage):
        ids.append(due.id)
        outbox.sent(due)
    assert ids == ["msg_0", "msg_1", "msg_2"]
    assert (outbox.next(1.0), len(outbox), outbox.delivered) == (None, 0, 3)


def test_a_full_queue_loses_its_oldest_and_counts_it() -> None:
    outbox = box(size=2)
    for number in range(5):
        outbox.add(message(number), 0.0)
    assert (first(outbox, 0.0).id, len(outbox), outbox.dropped) == ("msg_3", 2, 3)


def test_what_is_dropped_while_it_is_being_sent_takes_no_other_with_it() -> None:
    outbox = box(size=1)
    outbox.add(message(0), 0.0)
    sending = first(outbox, 0.0)
    outbox.add(message(1), 0.0)
    outbox.sent(sending)
    assert first(outbox, 0.0).id == "msg_1"


def test_waits_double_to_a_limit_and_end_with_the_first_success() -> None:
    outbox = box(attempts=100, keep=1e6)
    outbox.add(message(0), 0.0)
    now, waits = 0.0, []
    for _ in range(12):
        outbox.refused(first(outbox, now), now, "timed out", answered=False)
        wait = outbox.next(now)
        assert isinstance(wait, float)
        waits.append(wait)
        now += wait
    assert all(
        min(FIRST_WAIT * 2**n, LONGEST_RETRY_WAIT) / 2
        <= wait
        <= min(FIRST_WAIT * 2**n, LONGEST_RETRY_WAIT)
        for n, wait in enumerate(waits)
    )
    assert outbox.trouble == "timed out"
    outbox.sent(first(outbox, now))
    outbox.add(message(1), now)
    assert first(outbox, now).id == "msg_1"
    assert (outbox.failed, outbox.trouble) == (12, "")


def test_the_receiver_may_ask_for_a_longer_wait() -> None:
    outbox = box()
    outbox.add(message(0), 0.0)
    outbox.refused(first(outbox, 0.0), 0.0, "answered 429", answered=True, retry_after=42.0)
    assert outbox.next(0.0) == 42.0


def test_a_message_that_is_refused_again_and_again_lets_the_next_one_through() -> None:
    outbox = box(attempts=3)
    outbox.add(message(0), 0.0)
    outbox.add(message(1), 0.0)
    now = 0.0
    for _ in range(3):
        outbox.refused(first(outbox, now), now, "answered 500", answered=True)
        now += LONGEST_RETRY_WAIT / 10
    assert (first(outbox, now).id, outbox.given_up) == ("msg_1", 1)


def test_what_the_receiver_wants_no_more_is_given_up_at_once() -> None:
    outbox = box()
    outbox.add(message(0), 0.0)
    outbox.refused(first(outbox, 0.0), 0.0, "answered 410", answered=True, for_good=True)
    assert (len(outbox), outbox.given_up) == (0, 1)


def test_nobody_there_uses_up_no_attempts_but_the_time() -> None:
    outbox = box(attempts=1, keep=100.0)
    outbox.add(message(0), 0.0)
    outbox.refused(first(outbox, 0.0), 0.0, "ClientConnectorError", answered=False)
    assert first(outbox, 50.0).id == "msg_0"
    assert outbox.next(101.0) is None
    assert (outbox.given_up, len(outbox)) == (1, 0)
