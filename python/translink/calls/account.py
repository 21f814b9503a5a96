"""A call's figures for its record: delays, sound, and what became of the words, leg by leg."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from translink.calls.line import LineWatch
from translink.observe.record import CallAccount, SaidFigures, StageFigures, UsedFigures
from translink.observe.usage import Usage, total_cost
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translink.calls.interpreter import Interpreter
    from translink.calls.orders import Orders
    from translink.media import MediaLeg
    from translink.observe.record import RecordedFigures
    from translink.observe.stages import Stages
    from translink.settings.cost import CostSettings


class CallBooks:
    """Keeps them while the call runs."""

    def __init__(
        self,
        interpreters: Mapping[str, Interpreter],
        legs: Mapping[str, MediaLeg],
        stages: Stages,
        meters: Mapping[str, Usage],
        *,
        stream: str,
        prices: CostSettings,
        orders: Orders,
    ) -> None:
        """By the leg that talks; `stages` are the call's own; `meters` are counted into by `metered`;
        `stream` = the provider of the streams; `orders` = its vendors, by stage."""
        self.vendors = orders.named
        """By stage."""
        self._meters = meters
        self._stream = stream
        self._prices = prices
        self._interpreters = interpreters
        self._stages = stages
        one, two = interpreters
        self._lines = {
            leg: LineWatch(
                legs[leg],
                interpreters[leg].listener.speech,
                interpreters[two if leg == one else one].lag,
            )
            for leg in interpreters
        }

    def look(self) -> None:
        """To be called once a second, and at the end."""
        for line in self._lines.values():
            line.look()

    def account(self, recordings: Sequence[RecordedFigures] = ()) -> CallAccount:
        """As they are now."""
        return CallAccount(
            stages=_stages(self._stages),
            lines={leg: line.figures() for leg, line in self._lines.items()},
            said={leg: _said(each) for leg, each in self._interpreters.items()},
            usage=self.usage(),
            currency=self._prices.currency,
            vendors=self.vendors,
            recordings=tuple(recordings),
        )

    def quality(self, leg: str) -> dict[str, float]:
        """What is known of a leg: `mos`, `speech_db`, `clipped`, `confidence`."""
        mos, level, clipped = self._lines[leg].quality()
        confidence = self._interpreters[leg].certainty.mean
        known = {"mos": mos, "speech_db": level, "clipped": clipped, "confidence": confidence}
        return {name: value for name, value in known.items() if value is not None}

    def usage(self) -> dict[str, dict[str, UsedFigures]]:
        """What was used so far: by leg, and provider."""
        found = {}
        for leg, each in self._interpreters.items():
            used, stats = Usage(), each.listener.stats
            if stats.connections_total:
                seconds = stats.bytes_sent / 2 / RATE
                used.count(self._stream, seconds=seconds, requests=stats.connections_total)
            used.add(self._meters[leg].figures({}))
            found[leg] = used.figures(self._prices.prices)
        return found

    def cost(self) -> float | None:
        """Of the call so far; None: no provider of it has a price."""
        if not self._prices.prices:
            return None
        return total_cost(one for used in self.usage().values() for one in used.values())


def _stages(stages: Stages) -> dict[str, StageFigures]:
    return {
        name: StageFigures(
            count=int(summary["count"]),
            total_s=round(stages[name].total(), 4),
            p50_ms=summary["p50"],
            p95_ms=summary["p95"],
            max_ms=summary["max"],
        )
        for name, summary in stages.summary().items()
    }


def _said(interpreter: Interpreter) -> SaidFigures:
    stats = interpreter.listener.stats
    return SaidFigures(
        **asdict(interpreter.tally),
        connections=stats.connections_total,
        failovers=stats.failovers,
        replayed_ms=round(stats.replayed_ms, 1),
        lost_ms=round(stats.lost_ms, 1),
        errors=stats.errors,
        confidence=interpreter.certainty.mean,
        unsure=interpreter.certainty.unsure,
    )
