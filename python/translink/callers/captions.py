"""From the server's events to captions: who said what, and what the other one heard. Sans-IO."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from translink.errors import legible

Event = dict[str, Any]
"""As on `/api/events`; see `translink.observe.journal`."""


@dataclass(slots=True)
class Caption:
    """One segment of speech and what became of it."""

    text: str
    at: float
    """Unix seconds of the segment."""
    number: object = None
    """The segment's number, if the event has it."""
    translation: str | None = None
    failed: bool = False
    """It was not translated, so nothing was spoken."""
    speaking: bool = False
    """The translation is heard by the other one right now."""
    ms: dict[str, float] = field(default_factory=dict)
    """Stage to milliseconds, as far as the events have them."""


@dataclass(slots=True)
class Side:
    """What one caller says."""

    interim: str = ""
    """What is recognised of the open sentence; may still be revised."""
    captions: deque[Caption] = field(default_factory=lambda: deque(maxlen=200))
    """Newest last; the oldest are forgotten beyond 200."""
    mode: str = ""
    finals: int = 0
    segments: int = 0
    translations: int = 0
    spoken: int = 0
    """Translations that began to be played to the other one."""
    failures: int = 0


class Captions:
    """Reads events in order; unknown ones and unknown fields are passed over."""

    def __init__(self, legs: tuple[str, ...]) -> None:
        self.sides = {leg: Side() for leg in legs}
        self.losses = 0
        """Events that report lost audio or speech."""
        self.notes: deque[str] = deque(maxlen=5)
        """The newest events besides speech: mode changes, failovers, losses."""

    def take(self, event: Event) -> None:
        """Take one event of `/api/events`."""
        kind = str(event.get("type"))
        side = self.sides.get(str(event.get("leg")))
        if kind == "loss":
            self.losses += 1
        if notable(event) and _note(event) not in self.notes:
            self.notes.append(_note(event))
        if side is None:
            return
        text = legible(str(event.get("text") or ""))
        match kind:
            case "interim":
                side.interim = text
            case "final":
                side.finals += bool(text)
            case "segment":
                side.segments += 1
                side.interim = ""
                side.captions.append(Caption(text, _at(event), _number(event)))
            case "translation":
                side.translations += 1
                caption = self._caption(side, event)
                caption.translation = text
                caption.ms.update(_milliseconds(event))
            case "untranslated":
                side.failures += 1
                self._caption(side, event).failed = True
            case "speech":
                caption = self._caption(side, event)
                caption.speaking = event.get("state") == "started"
                side.spoken += caption.speaking
                caption.ms.update(_milliseconds(event))
            case "mode":
                side.mode = str(event.get("mode") or text)

    def _caption(self, side: Side, event: Event) -> Caption:
        """The segment that the event is about: by number, or else the oldest that waits."""
        number = _number(event)
        if number is not None:
            for caption in reversed(side.captions):
                if caption.number == number:
                    return caption
        elif event.get("type") != "speech":
            for caption in side.captions:
                if caption.translation is None and not caption.failed:
                    return caption
        if event.get("type") == "speech" and side.captions:
            return side.captions[-1]
        orphan = Caption(legible(str(event.get("source") or "")), _at(event), number)
        side.captions.append(orphan)
        return orphan


def notable(event: Event) -> bool:
    """Whether it reports something besides speech that people should know, as a rule trouble."""
    kind = str(event.get("type"))
    return kind in _NOTABLE or (kind == "mode" and bool(event.get("reason")))


def describe(event: Event) -> str | None:
    """The event as a line of plain text; None = not worth one."""
    kind, leg, text = (legible(str(event.get(name))) for name in ("type", "leg", "text"))
    match kind:
        case "said":
            return f"{leg} says         {text}"
        case "segment":
            return f"{leg} understood   {text}"
        case "translation":
            return f"{leg} translated   {text}"
        case "untranslated":
            return f"{leg} NOT translated: {text}"
        case _ if notable(event):
            return _note(event)
        case _:
            return None


def _note(event: Event) -> str:
    parts = [
        f"{name} {value}" if name != "mode" else str(value)
        for name, value in event.items()
        if name not in ("v", "type", "at", "call", "leg") and isinstance(value, str | int | float)
        if value != ""
    ]
    return legible(" ".join([str(event.get("leg") or ""), str(event.get("type")), *parts]).strip())


def _at(event: Event) -> float:
    at = event.get("at")
    return float(at) if isinstance(at, int | float) else 0.0


def _number(event: Event) -> object:
    return event.get("segment", event.get("number"))


def _milliseconds(event: Event) -> dict[str, float]:
    stages = event.get("ms")
    if not isinstance(stages, dict):
        return {}
    return {str(name): float(ms) for name, ms in stages.items() if isinstance(ms, int | float)}


_NOTABLE = frozenset({"trouble", "failover", "replay", "breaker", "loss"})
