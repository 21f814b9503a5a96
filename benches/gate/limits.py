"""The performance gate's limits, as `limits.toml` has them, and what is said of a figure beside its limit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from benches.reporting.targets import short

FILE = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class GateLimit:
    """A figure may be so much, and no more."""

    figure: str
    at_most: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """A figure beside its limit."""

    limit: GateLimit
    measured: float

    @property
    def red(self) -> bool:
        """Whether it is a regression."""
        return self.measured > self.limit.at_most

    def __str__(self) -> str:
        limit, unit = self.limit, f" {self.limit.unit}".rstrip()
        word = "RED " if self.red else "ok  "
        of = f"{short(self.measured)}{unit}, at most {short(limit.at_most)}{unit}"
        return f"{word} {limit.figure}: {of}"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """All of them."""

    figures: dict[str, GateLimit]
    share: float
    """How much more than its count an act may cost with a compiler that it was counted with …"""
    foreign_share: float
    """… and with another."""
    counts: dict[str, dict[str, float]]
    """Instructions by act and compiler (`1.95`)."""

    @classmethod
    def read(cls, path: Path = FILE) -> GateLimits:
        """As committed."""
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        figures = {
            each["figure"]: GateLimit(each["figure"], float(each["at_most"]), each.get("unit", ""))
            for each in found["figure"]
        }
        counts = {
            act["act"]: {name: float(count) for name, count in act.items() if name[0].isdigit()}
            for act in found["act"]
        }
        shares = found["instructions"]
        return cls(figures, shares["more"], shares["more_with_another_compiler"], counts)

    def of(self, measured: dict[str, float]) -> list[GateVerdict]:
        """Figures beside their limits. Raises `KeyError` for one that has none."""
        return [GateVerdict(self.figures[name], value) for name, value in measured.items()]

    def of_instructions(self, measured: dict[str, float], compiler: str) -> list[GateVerdict]:
        """Counts beside those of the same compiler, or of the nearest. An act without one may cost
        nothing: its author records it.
        """
        verdicts = []
        for act, count in measured.items():
            known = self.counts.get(act, {})
            nearest = min(known, key=lambda version: _apart(version, compiler), default="")
            share = self.share if nearest == compiler else self.foreign_share
            limit = round(known.get(nearest, 0.0) * (1 + share), 1)
            verdicts.append(GateVerdict(GateLimit(f"instructions: {act}", limit), round(count, 1)))
        return verdicts

    def knows(self, compiler: str) -> bool:
        """Whether every act was counted with it."""
        return all(compiler in known for known in self.counts.values())


def recorded(text: str, counted: dict[str, float], compiler: str) -> str:
    """`limits.toml` with these counts for this compiler; an act that is new stands at the end, and
    waits for its reason.
    """
    line = f'"{compiler}" = '
    for act, count in counted.items():
        head = f'[[act]]\nact = "{act}"\n'
        if head not in text:
            text = f'{text.rstrip()}\n\n{head}reason = ""\n'
        before, _, after = text.partition(head)
        block, mark, rest = after.partition("\n[[act]]")
        lines = [each for each in block.splitlines() if each and not each.startswith(line)]
        counts = sorted([f"{line}{count:.0f}", *(each for each in lines if each[0] == '"')])
        block = "\n".join([*(each for each in lines if each[0] != '"'), *counts])
        text = f"{before}{head}{block}\n{mark}{rest}"
    return text


def _apart(one: str, other: str) -> int:
    """How many releases lie between two compilers."""
    (major, minor), (its_major, its_minor) = (map(int, each.split(".")) for each in (one, other))
    return abs(100 * (major - its_major) + minor - its_minor)
