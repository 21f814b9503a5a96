"""What several nodes answered, as one answer: pure.

A value is added up, or is the worst there is, or is what the first node said: by its kind, and for a few by
its name. A delay cannot be added up, and a median of medians is none, so of those the worst node's is shown.
What explains a state (`reason`, `kind`, `status`) is told by the node whose state is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Answer = Mapping[str, Any]

DELAYS: Final = frozenset({"p50", "p95", "p99", "max"})
WORST: Final = DELAYS | {
    *("uptime", "share", "streaming_share", "busy", "lag_ms", "longest_ms", "late_max"),
    *("frames_per_message", "limit_s", "left_s", "until"),
    *("used", "limit"),  # of an account, which all nodes share
}
"""Numbers of which the highest is shown."""
EARLIEST: Final = frozenset({"began", "since"})
"""Likewise, the lowest."""
RANKS: Final = (
    "calm",
    "shed",
    "coalesce",
    "refuse",
    "closed",
    "held",
    "half-open",
    "open",
    "running",
    "dead",
)
"""Words that say how bad it is, within each of their kinds the later the worse."""
OF_THE_STATE: Final = frozenset({"reason", "kind", "status"})
"""Stand beside a `state` of these words, and belong to it: a node that is well has reasons, too."""
FLAGS_OF_ALL: Final = frozenset({"ok", "draining"})
"""Flags that hold for the whole when they hold for every node (`ok`: for any, see `verdict`)."""


def combined(answers: Sequence[Answer]) -> dict[str, Any]:
    """One object of several of the same shape. Empty of none."""
    names = dict.fromkeys(name for answer in answers for name in answer)
    whole = {
        name: _one(name, [answer[name] for answer in answers if answer.get(name) is not None])
        for name in names
    }
    worst = max(answers, key=_how_bad, default=whole)
    if _how_bad(worst) >= 0:
        whole |= {name: worst.get(name) for name in names if name in OF_THE_STATE}
    return whole


def _how_bad(answer: Answer) -> int:
    state = answer.get("state")
    return RANKS.index(state) if state in RANKS else -1


def _one(name: str, values: list[Any]) -> Any:
    if not values:
        return None
    first = values[0]
    if isinstance(first, bool):
        return all(values) if name in FLAGS_OF_ALL else any(values)
    if isinstance(first, (int, float)):
        if name in EARLIEST:
            return min(values)
        return max(values) if name in WORST else _rounded(name, sum(values))
    if isinstance(first, str):
        ranked = [value for value in values if value in RANKS]
        return max(ranked, key=RANKS.index) if ranked else next(filter(None, values), first)
    if isinstance(first, Mapping):
        return combined(values)
    if isinstance(first, Sequence):
        several = [item for value in values for item in value]
        return [item for at, item in enumerate(several) if item not in several[:at]]
    return first


def _rounded(name: str, value: float) -> float:
    """Sums of figures with three decimals have three; prices have six."""
    return value if isinstance(value, int) else round(value, 6 if name == "cost" else 3)


def rows(answers: Mapping[str, Answer | None], name: str) -> dict[str, Any]:
    """Lists of calls or legs (`name`) as one, each row with its node; and the nodes that did not answer."""
    found = [
        {**row, "node": node}
        for node, answer in answers.items()
        for row in (answer or {}).get(name, ())
    ]
    return {name: found, "silent": silent(answers)}


def silent(answers: Mapping[str, object | None]) -> list[str]:
    """Names of the nodes that did not answer."""
    return [node for node, answer in answers.items() if answer is None]


def in_order(calls: Iterable[Answer]) -> list[Answer]:
    """The ended ones first, and by when they began."""
    return sorted(calls, key=lambda row: (row["state"] == "running", row["began"]))


def stats(answers: Mapping[str, Answer | None], *, one_disk: bool = False) -> dict[str, Any]:
    """`/api/stats` of all: what is counted, added up; `legs` of all nodes; `nodes`: what each said, without
    its legs. `one_disk`: they record into the same folder, whose size each of them tells."""
    there = {node: answer for node, answer in answers.items() if answer is not None}
    legs = {
        leg: {**figures, "node": node}
        for node, answer in there.items()
        for leg, figures in answer["legs"].items()
    }
    each = {
        node: {name: value for name, value in answer.items() if name != "legs"}
        for node, answer in there.items()
    }
    whole = combined(list(each.values()))
    recordings = [said["recording"] for said in each.values() if said.get("recording")]
    if one_disk and recordings:
        size = max(figures["bytes"] for figures in recordings)
        whole["recording"] = {**whole["recording"], "bytes": size}
    return {**whole, "legs": legs, "nodes": each, "silent": silent(answers)}


def verdict(answers: Mapping[str, Answer | None]) -> tuple[bool, dict[str, Any]]:
    """`/health` or `/ready` of all: good as long as any node is, and what each says."""
    good = any(answer is not None and answer["ok"] for answer in answers.values())
    return good, {"nodes": dict(answers), "silent": silent(answers)}


def drain(answers: Mapping[str, Answer | None], pid: int, admin: str) -> dict[str, Any]:
    """`/api/drain` of all; a node that has drained and ended is not among them."""
    there = [answer for answer in answers.values() if answer is not None]
    empty = {"draining": True, "began": None, "left_s": 0.0, "limit_s": 0.0, "cut_calls": 0}
    whole = combined(there) if there else {**empty, "calls": [], "legs_held": []}
    return {**whole, "pid": pid, "admin": admin, "hand_over": False, "silent": silent(answers)}
