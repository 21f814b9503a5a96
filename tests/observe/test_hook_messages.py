"""What receivers learn of a call: its beginning, its end, its troubles, and not a word of speech."""

from __future__ import annotations

from itertools import count

import orjson
import pytest

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.observe.hook_messages import REPEAT_SECONDS, HookMessages
from translink.observe.journal import Event
from translink.observe.outbox import HookMessage

ALL = ("call.started", "call.ended", "call.trouble")


def maker(*wanted: str, node: str = "") -> HookMessages:
    numbers = count(1)
    return HookMessages(
        wanted or ALL, lambda call: f"https://here/{call}", lambda: f"msg_{next(numbers)}", node
    )


def messages_of(made: HookMessages, *events: Event) -> list[HookMessage]:
    return [message for event in events if (message := made.of(event)) is not None]


def test_a_real_call_is_reported_from_its_beginning_to_its_end_without_a_word_of_it() -> None:
    async def scenario() -> list[HookMessage]:
        board = Board(idle_timeout=30)
        made, messages = maker(), []
        board.journal.listen(
            lambda event: messages.append(it) if (it := made.of(event)) is not None else None
        )
        board.providers.bugs["translate en"] = ProviderError(
            "down", provider="x", kind=Kind.TRANSIENT
        )
        await board.talk("1", 0.6)
        board.providers.bugs.clear()
        await board.talk("1", 0.6)
        await board.switchboard.close("shutdown")
        return messages

    started, trouble, ended = run_virtually(scenario())
    assert (started.type, started.data["legs"]) == ("call.started", ["1", "2"])
    assert trouble.data["trouble"] == "untranslated"
    assert (trouble.data["leg"], trouble.data["reason"]) == ("1", "down")
    assert ended.type == "call.ended"
    assert (ended.data["reason"], ended.data["legs"]) == ("shutdown", ["1", "2"])
    assert ended.data["troubles"]["untranslated"] >= 1  # type: ignore[index]
    assert ended.data["transcript"] == f"https://here/{started.data['call']}"
    summary = ended.data["summary"]
    assert isinstance(summary, dict)
    assert summary["1.words"] > 0
    sent = orjson.dumps([message.data for message in (started, trouble, ended)])
    assert b"word" not in sent.replace(b".words", b"")


@pytest.mark.parametrize(
    ("type_", "data", "kind"),
    [
        ("loss", {"ms": 900.0, "start": 0, "end": 1}, "speech_lost"),
        ("speech", {"state": "failed", "segment": 1, "reason": "down"}, "unspoken"),
        ("failover", {"to": "prerecorded", "reason": "reset"}, "no_stream"),
        ("breaker", {"provider": "deepl", "state": "open", "reason": "503"}, "provider_down"),
        ("rtp", {"format": "alaw", "port": 6120, "heard": False}, "leg_unheard"),
        ("pressure", {"level": "refuse", "before": "shed", "busy": 1.0}, "overloaded"),
        ("call", {"state": "refused", "reason": "full", "legs": ["1"]}, "call_refused"),
        ("quota", {"provider": "deepl", "used": 9, "limit": 10}, "quota"),
    ],
)
def test_each_trouble_has_its_name(type_: str, data: dict[str, object], kind: str) -> None:
    (message,) = messages_of(maker(), Event(type_, 1.0, None, "1", data))  # type: ignore[arg-type]
    assert (message.type, message.data["trouble"]) == ("call.trouble", kind)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("speech", {"state": "finished", "segment": 1}),
        ("failover", {"provider": "deepl", "reason": "503"}),
        ("breaker", {"provider": "deepl", "state": "half-open", "reason": ""}),
        ("rtp", {"format": "alaw", "port": 6120, "heard": True}),
        ("interim", {"text": "hello"}),
    ],
)
def test_what_is_no_trouble_is_not_reported(type_: str, data: dict[str, object]) -> None:
    assert messages_of(maker(), Event(type_, 1.0, "c", "1", data)) == []  # type: ignore[arg-type]


def test_a_trouble_that_repeats_itself_is_counted_and_reported_now_and_then() -> None:
    made = maker()
    losses = [Event("loss", at, "c", "1", {"ms": 1.0}) for at in (0, 1, 2, REPEAT_SECONDS + 1)]
    messages = messages_of(made, *losses)
    assert [message.data["count"] for message in messages] == [1, 3]
    other = Event("loss", 3, "c", "2", {"ms": 1.0})
    assert len(messages_of(made, other)) == 1, "another leg is another trouble"


def breaker(at: float, state: str) -> Event:
    return Event("breaker", at, None, None, {"provider": "deepl", "state": state, "reason": "x"})


def told(*events: Event) -> list[object]:
    return [message.data["trouble"] for message in messages_of(maker(), *events)]


def test_a_provider_that_only_wanted_fewer_requests_does_not_come_back() -> None:
    assert told(breaker(0, "held"), breaker(1, "closed")) == []


def test_a_provider_that_was_reported_as_down_is_reported_as_back_however_soon() -> None:
    states = ("open", "half-open", "closed") * 2
    events = [breaker(at, state) for at, state in zip((0, 4, 5, 31, 33, 34), states, strict=True)]
    assert told(*events) == ["provider_down", "provider_back"] * 2


def test_what_was_not_reported_is_not_taken_back() -> None:
    # Down again too soon to be said: to the receiver it was back all the time.
    events = [breaker(at, state) for at, state in ((0, "open"), (5, "closed"), (9, "open"))]
    assert told(*events, breaker(12, "closed")) == ["provider_down", "provider_back"]
    # Still down when it may be said: so is its return, which follows at once.
    later = [breaker(31, "open"), breaker(32, "closed")]
    assert told(*events, *later) == ["provider_down", "provider_back"] * 2


def test_of_several_nodes_each_says_who_it_is() -> None:
    begun = Event("call", 9, "c", None, {"state": "begun"})
    events = [breaker(0, "open"), breaker(5, "closed"), begun]
    of_one = messages_of(maker(node="w2"), *events)
    assert [message.data["node"] for message in of_one] == ["w2"] * 3
    assert all("node" not in message.data for message in messages_of(maker(), *events))


def test_who_wants_only_the_end_hears_only_of_the_end() -> None:
    made = maker("call.ended")
    begun = Event("call", 0, "c", None, {"state": "begun", "legs": ["1", "2"]})
    loss = Event("loss", 1, "c", "1", {"ms": 1.0})
    ended = Event("call", 9, "c", None, {"state": "ended", "reason": "idle", "seconds": 9.0})
    (message,) = messages_of(made, begun, loss, ended)
    assert (message.type, message.data["troubles"]) == ("call.ended", {"speech_lost": 1})
