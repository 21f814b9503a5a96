"""The language of faults: what goes wrong, in which service, when. Pure: no sockets, no clock.

    listen:reset@12.5                     RST to every open stream 12.5 s after the start
    listen:outage(8)@random               8 s during which streams break and none can be opened
    listen+prerecorded:outage(10)@random  the same for two services at once
    prerecorded:limit(5)                  429 for requests that come while five are being served
    translate:refuse(429,6)@random*2      twice, for 6 s, 429 to every request
    listen:close(1011,net0000)@20         a close frame with that code and reason

    listen+translate+speak:vendor_down(8) an outage of all accounts of a vendor, whose second comes in
    listen+prerecorded:jitter(60)         word times move by this deviation (ms) between two passes

`@random` is drawn from the seed, between 15 % and 75 % of the run, so that faults strike in
mid-speech and the end of the run shows what became of it. Without `@`, standing faults (`limit`,
`slow`, lies) begin at once and others at random. What each kind does: docs/simulation.md.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from translink.offline.hooks import LISTEN, PRERECORDED, SPEAK, TRANSLATE


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    services: tuple[str, ...]
    kind: str
    numbers: tuple[float, ...] = ()
    """The arguments, or their defaults."""
    reason: str = ""
    at: float | None = None
    """Seconds after the start; None = at random."""
    times: int = 1

    def __str__(self) -> str:
        inside = [f"{number:g}" for number in self.numbers]
        inside += [self.reason] if self.reason else []
        text = f"{'+'.join(self.services)}:{self.kind}"
        text += f"({','.join(inside)})" if inside else ""
        text += "@random" if self.at is None else f"@{self.at:g}"
        return text + (f"*{self.times}" if self.times > 1 else "")

    @property
    def seconds(self) -> float:
        """How long it lasts; 0 = it is over in a moment, infinite = to the end."""
        place = SECONDS_AT.get(self.kind)
        return 0.0 if place is None else self.numbers[place]


def parse(text: str) -> Fault:
    """Read one fault.

    Raises:
        ValueError: says what is wrong with `text` and what would be right.
    """
    found = _FAULT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"fault {text!r}: should look like listen:outage(8)@random")
    services = tuple(found["services"].split("+"))
    kind, inside = found["kind"], found["inside"]
    defaults = KINDS.get(kind)
    if defaults is None:
        raise ValueError(f"fault {text!r}: {kind!r} is none of {', '.join(KINDS)}")
    for service in services:
        allowed = SERVICES_OF.get(kind, (LISTEN, PRERECORDED, TRANSLATE, SPEAK))
        if service not in allowed:
            raise ValueError(f"fault {text!r}: {kind} is for {', '.join(allowed)}")
    given = [part.strip() for part in inside.split(",")] if inside else []
    reason = given.pop() if given and not _DECIMAL.fullmatch(given[-1]) else ""
    if len(given) > len(defaults) or not all(_DECIMAL.fullmatch(part) for part in given):
        raise ValueError(f"fault {text!r}: {kind} takes at most {len(defaults)} numbers")
    numbers = tuple(float(part) for part in given) + defaults[len(given) :]
    if any(number != number for number in numbers):  # NaN: no default
        raise ValueError(f"fault {text!r}: {kind} needs a number, as in {kind}({EXAMPLES[kind]})")
    when = found["at"] or ("0" if kind in STANDING else "random")
    return Fault(
        services,
        kind,
        numbers,
        reason,
        None if when == "random" else float(when),
        int(found["times"] or 1),
    )


def schedule(faults: list[Fault], *, seconds: float, seed: int) -> list[Fault]:
    """Give every fault its time(s), in order; the same seed gives the same times.

    A fault that strikes several times has its times in the middle halves of so many equal parts of
    the run, so that what the first one broke was in use again when the next one comes.
    """
    chance = random.Random(f"faults:{seed}")
    single = [
        replace(fault, times=1, at=_when(fault, part, seconds, chance))
        for fault in faults
        for part in range(fault.times)
    ]
    return sorted(single, key=lambda fault: fault.at or 0.0)


def _when(fault: Fault, part: int, seconds: float, chance: random.Random) -> float:
    middle = 0.25 + 0.5 * chance.random() if fault.times > 1 else chance.random()
    share = 0.15 + 0.6 * (part + middle) / fault.times
    drawn = round(share * seconds, 3)
    return drawn if fault.at is None else fault.at


NEEDED = float("nan")
FOREVER = float("inf")

KINDS: dict[str, tuple[float, ...]] = {
    "reset": (),
    "refuse": (NEEDED, 8.0),
    "outage": (NEEDED,),
    "vendor_down": (FOREVER,),
    "zombie": (),
    "mute": (),
    "guess": (75.0,),
    "jitter": (44.0, FOREVER),
    "restate": (4.0, FOREVER),
    "skew": (),
    "hole": (4.0, FOREVER),
    "empty": (4.0, FOREVER),
    "beyond": (6.0, FOREVER),
    "flap": (NEEDED,),
    "slow": (NEEDED, FOREVER),
    "garbage": (20.0,),
    "close": (1011.0,),
    "hang": (8.0,),
    "truncate": (1.0,),
    "limit": (NEEDED,),
    "flip": (20.0,),
    "flood": (20_000.0, 10.0),
}
"""Every kind with its arguments' defaults."""

EXAMPLES = {"flap": "8", "refuse": "503", "outage": "8", "slow": "3", "limit": "5"}

MODE, MEDIA = "mode", "media"
"""Not services of the server: the simulation itself does these."""

SERVICES_OF: dict[str, tuple[str, ...]] = {
    "zombie": (LISTEN,),
    "mute": (LISTEN,),
    "guess": (LISTEN,),
    "jitter": (LISTEN, PRERECORDED),
    **dict.fromkeys(("restate", "skew", "hole", "empty", "beyond", "flap"), (LISTEN,)),
    "close": (LISTEN,),
    "truncate": (SPEAK,),
    "limit": (PRERECORDED, TRANSLATE, SPEAK),
    "flip": (MODE,),
    "flood": (MEDIA,),
}
"""Kinds that not every service can have."""

STANDING = frozenset(("limit", "slow", "jitter", "restate", "hole", "empty", "beyond"))
SECONDS_AT = dict.fromkeys(("jitter", "restate", "hole", "empty", "beyond"), 1)
SECONDS_AT |= {
    "flap": 0,
    "guess": 0,
    "refuse": 1,
    "outage": 0,
    "vendor_down": 0,
    "slow": 1,
    "hang": 0,
    "flood": 1,
}

_DECIMAL = re.compile(r"\d+(\.\d+)?")
_FAULT = re.compile(
    r"(?P<services>[a-z]+(\+[a-z]+)*):(?P<kind>[a-z_]+)(\((?P<inside>[^()]*)\))?"
    r"(@(?P<at>random|\d+(\.\d+)?))?(\*(?P<times>[1-9]\d?))?"
)
