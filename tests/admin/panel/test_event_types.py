"""What the journal tells is of the documented shapes, whatever happens in a call."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import orjson
import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from tests.support.board import Board
from tests.support.paths import ROOT
from tests.support.virtual import run_virtually
from translink.admin.panel.event_types import EVENT_TYPES
from translink.errors import Kind, ProviderError
from translink.observe.journal import Event
from translink.process.pressure import Level

DOWN = ProviderError("down", provider="fake", kind=Kind.TRANSIENT)
FREE = {"call"}
"""Types that say more than is described: the totals of an ended call."""


def shape(type_: str) -> TypeAdapter[Any]:
    kind = EVENT_TYPES[type_]
    config = ConfigDict(extra="ignore" if type_ in FREE else "forbid", strict=True)
    kind.__pydantic_config__ = config  # type: ignore[attr-defined]
    return TypeAdapter(kind)


async def eventful() -> list[Event]:
    """A call in which everything happens."""
    board = Board(
        idle_timeout=30,
        mode="auto",
        lag={"ask_for_pause": 5},
        notice={"text": {"en": "by machine"}},
        dtmf={"louder": "2"},
    )
    switchboard = board.switchboard
    seen_events: list[Event] = []
    board.journal.listen(seen_events.append)
    await board.talk("1", 1.0)
    (call,) = switchboard.calls.values()
    switchboard.pressed(switchboard.legs["2"], "2")
    switchboard.set_chosen_language(switchboard.legs["4"], "it")
    board.legs["2"].count("behind_ns", 6_000_000_000)
    call.look()
    await board.talk("2", 0.6)
    board.legs["1"].count("echo_lag_ns", 180_000_000)
    await board.talk("1", 1.0)
    board.legs["1"].count("echo_lag_ns", 0)
    board.providers.bugs["translate en"] = DOWN
    await board.talk("1", 0.6)
    board.providers.bugs = {"speak fr": DOWN}
    await board.talk("1", 0.6)
    board.providers.bugs.clear()
    switchboard.set_mode("prerecorded", "1")
    await board.talk("1", 3.0)
    for _ in range(50):
        board.legs["1"].hear(speech=False)
        await asyncio.sleep(0.02)
    switchboard.set_mode("streaming")
    switchboard.set_language("2", "de")
    switchboard.legs["1"].set_keyterm(("Anna",))
    await board.talk("1", 1.0)
    board.providers.bugs["listen en"] = DOWN
    board.providers.newest["en"].abort()
    await board.talk("1", 3.0)
    board.providers.bugs = {"transcribe en": DOWN, "listen en": DOWN}
    await board.talk("1", 1.0)
    switchboard.pressure.level = Level.REFUSE
    board.legs["3"].hear()
    await switchboard.close("shutdown")
    return seen_events


def test_every_event_is_as_documented() -> None:
    seen_events = run_virtually(eventful())
    seen = {event.type for event in seen_events}
    for event in seen_events:
        try:
            shape(event.type).validate_json(orjson.dumps(event.as_dict()))
        except ValidationError as error:
            pytest.fail(f"{event.as_dict()}: {error}")
    # The others need providers in line, a load, a listener, a language to find, an end.
    assert seen >= EVENT_TYPES.keys() - {
        "breaker",
        "pressure",
        "listening",
        "interim",
        "replay",
        "source",
        "rtp",
        "quota",
        "language",
        "drain",
        "recording",
        "node_lost",
    }


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_each_type_is_in_the_manual_with_its_fields(type_: str) -> None:
    manual = ROOT / "docs" / "api.md"
    (row,) = [
        line
        for line in manual.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{type_}` |")
    ]
    common = {"v", "type", "at", "call", "leg"}
    for field in fields(EVENT_TYPES[type_]):
        assert field.name in common or f"`{field.name}`" in row, field.name
