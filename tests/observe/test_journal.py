"""The journal: a slow subscriber is cut off and hears why; the others and the calls notice nothing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from translink.observe.journal import EVENT_VERSION, Event, Journal, Subscription


async def read(subscription: Subscription) -> list[object]:
    return [event.data["n"] async for event in subscription]


def emit(journal: Journal, *numbers: int, type_: str = "final", leg: str = "3333") -> None:
    for number in numbers:
        journal.emit(type_, {"n": number}, call="c-1", leg=leg)


async def test_a_subscriber_sees_what_happens_from_then_on_in_order() -> None:
    journal = Journal()
    emit(journal, 1)
    subscription = journal.subscribe()
    emit(journal, 2, 3)
    journal.close()
    assert await read(subscription) == [2, 3]
    assert subscription.cut_off is None


async def test_a_slow_subscriber_is_cut_off_with_a_reason_and_the_others_go_on() -> None:
    journal = Journal()
    slow, quick = journal.subscribe(limit=5), journal.subscribe(limit=5)
    seen: list[object] = []

    async def follow() -> None:
        seen.extend(await read(quick))

    following = asyncio.create_task(follow())
    for number in range(100):
        emit(journal, number)
        await asyncio.sleep(0)
    journal.close()
    await following
    assert seen == list(range(100))
    assert quick.cut_off is None
    assert await read(slow) == [0, 1, 2, 3, 4], "what had come in time is still read"
    assert slow.cut_off == "more than 5 events behind"


async def test_who_is_cut_off_keeps_nothing_growing() -> None:
    journal = Journal(keep=10)
    subscription = journal.subscribe(limit=3)
    emit(journal, *range(1000))
    assert len(journal.events) == 10
    assert journal.events[-1].data["n"] == 999
    assert journal.counts["final"] == 1000
    assert await read(subscription) == [0, 1, 2]
    assert not journal._subscriptions


async def test_a_subscription_can_be_narrowed_to_a_call_or_a_leg() -> None:
    journal = Journal()
    leg, other = journal.subscribe(leg="3333"), journal.subscribe(call="another")
    emit(journal, 1)
    emit(journal, 2, leg="4444")
    journal.close()
    assert await read(leg) == [1]
    assert await read(other) == []


async def test_interims_are_seen_by_who_watches_and_not_kept() -> None:
    journal = Journal()
    subscription = journal.subscribe()
    emit(journal, 1, type_="interim")
    journal.close()
    assert await read(subscription) == [1]
    assert not journal.events
    assert journal.counts["interim"] == 1


async def test_closing_twice_and_closing_while_nobody_reads_is_fine() -> None:
    journal = Journal()
    subscription = journal.subscribe(limit=1)
    emit(journal, 1, 2)
    subscription.close()
    subscription.close()
    journal.close()
    emit(journal, 3)
    assert await read(subscription) == [1]


async def test_a_reader_who_waits_is_woken_by_the_end() -> None:
    journal = Journal()
    reading = asyncio.create_task(read(journal.subscribe()))
    await asyncio.sleep(0)
    journal.close()
    assert await asyncio.wait_for(reading, 20) == []


def test_an_event_is_a_flat_object_with_its_version() -> None:
    event = Event("loss", 12.5, "c-1", "3333", {"ms": 20.0})
    assert event.as_dict() == {
        "v": EVENT_VERSION,
        "type": "loss",
        "at": 12.5,
        "call": "c-1",
        "leg": "3333",
        "ms": 20.0,
    }


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 10))
def test_a_subscriber_sees_a_beginning_of_all_events_and_the_whole_if_not_cut_off(
    bursts: list[int], limit: int
) -> None:
    async def main() -> None:
        journal = Journal()
        subscription = journal.subscribe(limit=limit)
        reading = asyncio.create_task(read(subscription))
        sent = 0
        for burst in bursts:
            for _ in range(burst):
                emit(journal, sent)
                sent += 1
            await asyncio.sleep(0)
        journal.close()
        seen = await reading
        assert seen == list(range(len(seen)))
        if subscription.cut_off is None:
            assert len(seen) == sent
        else:
            assert max(bursts) > limit

    asyncio.run(main())


def test_the_newest_events_can_be_had_afterwards() -> None:
    journal = Journal()
    emit(journal, 1, 2)
    journal.emit("breaker", {"n": 3})
    emit(journal, 4)
    assert [event.data["n"] for event in journal.recent(limit=3)] == [2, 3, 4]
    assert [event.data["n"] for event in journal.recent("c-1", limit=2)] == [2, 4]
    assert journal.recent("c-2") == []
    assert [event.data["n"] for event in journal.recent("")] == [3], "of no call"
