"""A telephone that we dial for a caller, who hears it ring. Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from translink.pbx.line import Line, Medium, Place

RING = 30.0
"""Seconds that it rings, if the dialplan does not say."""
RING_LONGEST = 300.0
VERDICTS: Mapping[str, int] = {"BUSY": 17, "NOANSWER": 19, "CHANUNAVAIL": 20, "CONGESTION": 34}
"""How a `Dial` event ends, to its cause of Q.850."""


@dataclass
class Dialled:
    """From the caller's coming until one of the two is gone."""

    name: str
    caller: str
    """Id of their channel."""
    callee: str
    places: tuple[tuple[Place, Medium], tuple[Place, Medium]]
    lines: list[Line]
    """Of both, once it was answered."""
    made: bool = False
    """Asterisk has said that their telephone's channel is there."""
    ended: bool = False
    cause: int = 0
    """Why it was not answered, as far as Asterisk has said."""


def dial_words(words: list[str]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The dialplan's words without those like `translate=openai+deepl`, and these: stage to vendors."""
    named = [word.partition("=") for word in words if "=" in word.partition("/")[0]]
    plain = [word for word in words if "=" not in word.partition("/")[0]]
    return plain, {stage: tuple(order.split("+")) for stage, _, order in named}


def ring_time(text: str) -> float:
    """The dialplan's word for it, in seconds."""
    try:
        return min(max(1.0, float(text)), RING_LONGEST)
    except ValueError:
        return RING
