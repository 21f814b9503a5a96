"""Is a process that ran for long as large at the end as in the beginning?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benches.kit.calls import Reading

GROWTH_SHARE = 0.03
"""Of the memory in the beginning."""
GROWTH_BYTES = 2_000_000
"""What a Python process may move by chance."""


@dataclass(frozen=True, slots=True)
class FlatVerdict:
    """Means of the first and of the last third after the warm-up; counts of the first and last
    reading.
    """

    before_bytes: float
    after_bytes: float
    descriptors: tuple[int, int]
    threads: tuple[int, int]

    @property
    def growth_bytes(self) -> float:
        """Memory gained."""
        return self.after_bytes - self.before_bytes

    @property
    def flat(self) -> bool:
        """Nothing grew that matters."""
        return (
            self.growth_bytes <= max(GROWTH_BYTES, GROWTH_SHARE * self.before_bytes)
            and self.descriptors[0] == self.descriptors[1]
            and self.threads[0] == self.threads[1]
        )


def judge(readings: Sequence[Reading], *, warm: float, until: float) -> FlatVerdict:
    """Between `warm` and `until` seconds; before, caches and ledgers fill."""
    steady = [each for each in readings if warm <= each.at <= until]
    # Thirds, not single readings: memory of a Python process moves by some pages all the time.
    third = max(1, len(steady) // 3)
    return FlatVerdict(
        sum(each.rss_bytes for each in steady[:third]) / third,
        sum(each.rss_bytes for each in steady[-third:]) / third,
        (steady[0].descriptors, steady[-1].descriptors),
        (steady[0].thread_count, steady[-1].thread_count),
    )
