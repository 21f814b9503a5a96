"""Counting: what was said, what was heard, and the difference. Pure.

Every word said is exactly one of: *heard* (at least once, at the right ear), *untranslated* (the
server said that it gave this word as text only), or *lost*. Of the lost words those that lie in
audio which the server itself reported as lost are also given as `words_lost_reported`; they still
count as lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from translink.sim.beacons import HeardBeacon, caller_of
from translink.sim.lines import SaidBeacon

Percentiles = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class DirectionReport:
    """One caller's words on their way to the other's ear."""

    caller: int
    said: Sequence[SaidBeacon]
    heard: Sequence[HeardBeacon]
    """Everything at the other's ear."""


@dataclass(slots=True)
class Counts:
    """The words of all directions."""

    words_said: int = 0
    words_heard: int = 0
    words_lost: int = 0
    words_doubled: int = 0
    """Hearings after the first one."""
    words_out_of_order: int = 0
    """Heard for the first time after a word that was said later."""
    words_untranslated: int = 0
    words_invented: int = 0
    """Heard, but nobody said them: taken from a result that was revised later."""
    words_misrouted: int = 0
    """Heard at an ear they were not meant for."""
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    delays_ms: list[tuple[float, float]] = field(default_factory=list)
    """(when it was said, mouth to ear), per word heard."""

    def perfect(self) -> bool:
        """Everything arrived once and in order (or was honestly reported as untranslated)."""
        wrong = self.words_lost + self.words_doubled + self.words_out_of_order
        wrong += self.words_invented + self.words_misrouted
        return wrong == 0 and self.words_heard > 0


def count(directions: Iterable[DirectionReport], untranslated: Iterable[int] = ()) -> Counts:
    """Compare mouths and ears."""
    counts, given_as_text = Counts(), set(untranslated)
    directions = list(directions)
    everything = {word.number for direction in directions for word in direction.said}
    for direction in directions:
        said_at = {word.number: word.at for word in direction.said}
        seen: Counter[int] = Counter()
        newest = -1
        for word in direction.heard:
            number = word.number
            if number not in said_at:
                strange = number in everything and caller_of(number) != direction.caller
                counts.words_misrouted += strange
                counts.words_invented += not strange
                continue
            seen[number] += 1
            if seen[number] > 1:
                counts.doubled.append(number)
                continue
            counts.words_out_of_order += number < newest
            newest = max(newest, number)
            counts.delays_ms.append((said_at[number], 1000 * (word.at - said_at[number])))
        missing = [number for number in said_at if number not in seen]
        counts.words_said += len(said_at)
        counts.words_heard += len(seen)
        counts.words_untranslated += sum(number in given_as_text for number in missing)
        counts.lost += [number for number in missing if number not in given_as_text]
    counts.words_lost = len(counts.lost)
    counts.words_doubled = len(counts.doubled)
    return counts


def percentiles(values: Iterable[float]) -> Percentiles:
    """p50, p95, p99 and the maximum (nearest rank); None where there is nothing."""
    ordered = sorted(values)

    def at(share: float) -> float | None:
        if not ordered:
            return None
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the server's clients came back after a fault, seen at the offline server."""

    fault: str
    at: float
    caller: int
    ms: float | None
    """From the fault to the next stream that was opened for this caller and answered, or the next
    prerecorded answer for that caller; None = neither came."""


def recoveries(observed: Mapping[str, object]) -> list[Recovery]:
    """One for every open stream that a fault struck. `observed` is `Script.report()`."""
    streams = _dicts(observed["streams"])
    answers = _dicts(observed["answers"])
    found: list[Recovery] = []
    for struck in _dicts(observed["struck"]):
        hit = struck["streams"]
        at = _number(struck["at"])
        for place in hit if isinstance(hit, list) else []:
            if place < 0:
                continue
            for caller in _callers(streams[place]):
                back = [
                    max(_number(s["opened"]), at)
                    for s in streams
                    if s["answered"] is not None
                    and _number(s["asked"]) >= at
                    and caller in _callers(s)
                ]
                back += [
                    _number(a["at"])
                    for a in answers
                    if _number(a["at"]) >= at and caller in _callers(a)
                ]
                ms = round(1000 * (min(back) - at), 1) if back else None
                found.append(Recovery(str(struck["fault"]), at, caller, ms))
    return found


def handshakes_after_fault(observed: Mapping[str, object]) -> int:
    """Streams asked for from the first fault on that broke open ones: what the recovery cost."""
    began = [_number(struck["at"]) for struck in _dicts(observed["struck"]) if struck["streams"]]
    if not began:
        return 0
    return sum(_number(stream["asked"]) >= min(began) for stream in _dicts(observed["streams"]))


def words_in(counts: Counts) -> dict[str, object]:
    """The counts as they stand in the report; of lists only the beginning."""
    values = asdict(counts)
    delays = [delay for _, delay in counts.delays_ms]
    values |= {"lost": counts.lost[:100], "doubled": counts.doubled[:100]}
    del values["delays_ms"], values["words_untranslated"]
    return values | {"mouth_to_ear_ms": percentiles(delays)}


def _dicts(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []


def _callers(value: Mapping[str, object]) -> list[int]:
    callers = value["callers"]
    return callers if isinstance(callers, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
