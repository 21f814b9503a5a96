"""`/metrics`: the figures in Prometheus' text format, made when asked, from one snapshot.

Nothing is counted twice: each figure is one that `/api/stats` shows, too, only that a leg's are
those since it was opened instead of those of its call (Prometheus wants counters that rise). Names
after its conventions: base units (seconds, bytes), `_total` for counters, what can be added up in
one family with a label. Legs that were created for a call come and go, so they share the label
`leg="created"`: the number of series is bounded by the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from translink import __version__
from translink.admin.panel.leg_metrics import (
    LEG_COUNTERS,
    LEG_GAUGES,
    LINE_FIGURES,
    RECOGNITION,
    SEGMENT_FIGURES,
)
from translink.admin.panel.shared_port_metrics import shared_port
from translink.observe.stages import OWNERS, STAGES
from translink.process.pressure import Level
from translink.providers.breaker import State

if TYPE_CHECKING:
    from translink.calls.measures import LegMeasures
    from translink.observe.stages import Stages

METRIC_BUCKET_EDGES = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
"""Seconds. Fine where the targets are: 1 ms of our own, 1 to 2 s from mouth to ear."""


@dataclass(frozen=True, slots=True)
class Measures:
    """One snapshot of everything."""

    stats: Mapping[str, Any]
    """As `/api/stats` answers."""
    stages: Stages
    legs: Iterable[LegMeasures]
    process: bytes = b""
    """As `process_exposition` has it."""


LABELS_AT_ONCE = 50
"""Labels in one piece of a family: a tenth of a millisecond of text."""
CONTENT_TYPE = choose_encoder("")[1]
_ENCODE = choose_encoder("")[0]


def exposition(measures: Measures) -> Iterator[bytes]:
    """The text, piece by piece, each made on demand in about a millisecond at most; some are empty.

    At 1,000 legs it is 70,000 lines: the pieces are asked for with the calls' turns in between. A
    thread is of no use, it would hold the interpreter.
    """
    legs = _Legs()
    for leg in measures.legs:
        legs.add(leg)
        yield b""
    before = ""
    for piece in _Snapshot(measures, legs).collect():
        if isinstance(piece, bytes):
            yield piece
            continue
        text = _ENCODE(_One(piece))
        # A family in several pieces has its name and meaning at the head of the first.
        yield text[_head(text) :] if piece.name == before else text
        before = piece.name


def process_exposition() -> bytes:
    """The part on this process. With 1,000 legs it takes 4 ms to count their descriptors, most of it
    outside the interpreter: made in a thread."""
    return _ENCODE(ProcessCollector(registry=None))


def admin_exposition(counts: Mapping[str, int]) -> bytes:
    """The part on an admin server alone, for one that has no calls of its own."""
    return b"".join(_ENCODE(_One(family)) for family in _admin_families(counts))


def _head(text: bytes) -> int:
    """Where the samples begin."""
    end = 0
    while text.startswith(b"# ", end):
        end = text.index(b"\n", end) + 1
    return end


class _One(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """What the encoder calls."""
        yield self._metric


class _Legs:
    """What the legs counted, by label: one leg each, but for those that were created for a call."""

    def __init__(self) -> None:
        self.media: dict[str, list[Mapping[str, int]]] = {}
        self.said: dict[str, list[Mapping[str, float]]] = {}
        self.recognition: dict[str, list[Mapping[str, float]]] = {}
        self.quality: dict[str, list[Mapping[str, float]]] = {}

    def add(self, leg: LegMeasures) -> None:
        self.media.setdefault(leg.leg, []).append(leg.media)
        self.said.setdefault(leg.leg, []).append(asdict(leg.said))
        self.recognition.setdefault(leg.leg, []).append(asdict(leg.recognition))
        if leg.quality:
            self.quality.setdefault(leg.leg, []).append(leg.quality)


class _Snapshot:
    def __init__(self, measures: Measures, legs: _Legs) -> None:
        self._measures = measures
        self._counted = legs
        self._stats = measures.stats

    def collect(self) -> Iterator[Metric | bytes]:
        """All families; a large one comes in pieces, one after the other, those with a sample for
        each leg as text."""
        yield InfoMetricFamily("translink", "The running version", {"version": __version__})
        yield _gauge("uptime_seconds", "Since the start", self._stats.get("uptime", 0.0))
        yield from self._calls()
        yield from self._legs()
        yield from self._stages()
        yield from self._providers()
        yield from self._load()
        yield _counter("events", "Events of the journal", "type", self._table("events"))
        yield from _admin_families(self._table("admin"))
        yield from self._webhooks()
        yield from self._recordings()
        yield from self._usage()
        yield from shared_port(self._table("shared_port"))
        yield self._measures.process

    def _calls(self) -> Iterator[Metric]:
        totals = self._table("totals")
        calls = CounterMetricFamily("translink_calls", "Calls that began")
        calls.add_metric([], totals.get("calls_total", 0))
        yield calls
        yield _gauge("calls_active", "Calls that go on", totals.get("calls_active", 0))

    def _legs(self) -> Iterator[bytes]:
        legs = self._counted
        for name, meaning, key, scale in LEG_COUNTERS:
            yield from _pieces(CounterMetricFamily, f"leg_{name}", meaning, legs.media, key, scale)
        for kind, meaning in (
            ("drops", "Dropped, by reason"),
            ("errors", "Failed sends, receives"),
        ):
            yield from _by_kind(kind, meaning, legs.media)
        for name, meaning, key, scale in SEGMENT_FIGURES:
            yield from _pieces(CounterMetricFamily, f"leg_{name}", meaning, legs.said, key, scale)
        for name, meaning, key, scale in LEG_GAUGES:
            yield from _pieces(
                GaugeMetricFamily, f"leg_{name}", meaning, legs.media, key, scale, together=max
            )
        for name, meaning, key, scale in LINE_FIGURES:
            # Only of those in a call, and as far as it is known: 0 would be a bad line.
            known = {
                label: [row for row in rows if key in row]
                for label, rows in legs.quality.items()
                if any(key in row for row in rows)
            }
            worst = max if key == "clipped" else min
            yield from _pieces(
                GaugeMetricFamily, f"leg_{name}", meaning, known, key, scale, together=worst
            )
        for name, meaning, key, scale in RECOGNITION:
            make = GaugeMetricFamily if key == "connections_active" else CounterMetricFamily
            recognition = legs.recognition
            yield from _pieces(make, f"recognition_{name}", meaning, recognition, key, scale)

    def _stages(self) -> Iterator[Metric]:
        for stage in STAGES:
            histogram = self._measures.stages[stage]
            buckets: list[tuple[str, float]] = [
                (str(edge), count)
                for edge, count in zip(
                    METRIC_BUCKET_EDGES, histogram.cumulative(METRIC_BUCKET_EDGES), strict=True
                )
            ]
            buckets.append(("+Inf", histogram.count))
            family = HistogramMetricFamily(
                "translink_stage_seconds", "How long each stage takes", labels=["stage", "owner"]
            )
            family.add_metric([stage, OWNERS[stage]], buckets, sum_value=histogram.total())
            yield family

    def _providers(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "translink_provider_state", "1 = in this state", labels=["provider", "state"]
        )
        attempts = CounterMetricFamily(
            "translink_provider_attempts",
            "Attempts that its breaker let through",
            labels=["provider"],
        )
        opened = CounterMetricFamily(
            "translink_provider_breaks", "Times it was taken out of service", labels=["provider"]
        )
        for provider, figures in self._table("providers").items():
            for each in State:
                state.add_metric([provider, each.value], float(figures.get("state") == each.value))
            attempts.add_metric([provider], figures.get("attempts", 0))
            opened.add_metric([provider], figures.get("opened", 0))
        yield from (state, attempts, opened)
        queue = self._table("prerecorded_queue")
        for name in ("active", "waiting"):
            yield _gauge(
                f"prerecorded_requests_{name}", f"Prerecorded requests {name}", queue.get(name, 0)
            )
        for name in ("waited", "refused"):
            family = CounterMetricFamily(
                f"translink_prerecorded_requests_{name}", f"Prerecorded requests that were {name}"
            )
            family.add_metric([], queue.get(name, 0))
            yield family

    def _load(self) -> Iterator[Metric]:
        pressure = self._table("pressure")
        level = str(pressure.get("level", "calm")).upper()
        yield _gauge("pressure_level", "0 calm to 3: no new calls", Level[level].value)
        frames = pressure.get("frames_per_message", 1)
        yield _gauge("pressure_frames_per_message", "20 ms frames in a message", frames)
        yield _gauge(
            "pressure_busy_ratio", "Share of its time the loop works", pressure.get("busy", 0)
        )
        yield _gauge(
            "pressure_lag_seconds", "How late the loop is", pressure.get("lag_ms", 0) / 1000
        )
        yield _counter(
            "given_up", "What was left out under load", "what", pressure.get("given_up", {})
        )
        collector = self._table("collector")
        pauses = CounterMetricFamily(
            "translink_collector_pause_seconds", "Stopped by the garbage collector"
        )
        pauses.add_metric([], collector.get("total_ms", 0) / 1000)
        yield pauses

    def _usage(self) -> Iterator[Metric]:
        usage = self._table("usage")
        providers = usage.get("providers", {})
        for name, meaning, key in (
            ("usage_seconds", "Sound that a provider recognised", "seconds"),
            ("usage_characters", "Characters that a provider translated or spoke", "characters"),
            ("usage_requests", "Requests answered, and streams", "requests"),
        ):
            values = {provider: used[key] for provider, used in providers.items()}
            yield _counter(name, meaning, "provider", values)
        cost = CounterMetricFamily(
            "translink_cost", "By the prices of the settings", labels=["provider", "currency"]
        )
        for provider, used in providers.items():
            if used["cost"] is not None:
                cost.add_metric([provider, usage["currency"]], used["cost"])
        yield cost
        quota = GaugeMetricFamily(
            "translink_quota_characters", "Of the account", labels=["provider", "what"]
        )
        for provider, figures in usage.get("quotas", {}).items():
            for what in ("used", "limit"):
                quota.add_metric([provider, what], figures[what])
        yield quota

    def _webhooks(self) -> Iterator[Metric]:
        hooks = self._table("webhooks")
        yield _gauge(
            "webhooks_waiting", "Messages that wait for the receiver", hooks.get("waiting", 0)
        )
        fates = {
            name: hooks.get(name, 0) for name in ("delivered", "failed", "given_up", "dropped")
        }
        yield _counter(
            "webhooks", "Messages delivered, given up, dropped; attempts failed", "what", fates
        )

    def _recordings(self) -> Iterator[Metric]:
        if not (figures := self._table("recording")):
            return
        fates = {name: figures[name] for name in ("begun", "ended", "failed", "refused")}
        yield _counter("recordings", "Recordings begun, ended, failed, refused", "what", fates)
        yield _gauge("recordings_bytes", "Size of all recordings", figures["bytes"])
        lost = figures["lost_ms"] / 1000
        yield _gauge("recordings_lost_seconds", "Sound that is missing in recordings", lost)

    def _table(self, name: str) -> Mapping[str, Any]:
        value = self._stats.get(name)
        return value if isinstance(value, Mapping) else {}


def _admin_families(counts: Mapping[str, int]) -> Iterator[Metric]:
    for name in ("connections", "sessions", "dashboards", "event_streams", "listeners"):
        yield _gauge(f"admin_{name}", f"Open {name} of the admin server", counts.get(name, 0))
    refused = {
        name: counts.get(name, 0)
        for name in (
            *("failed_tokens", "throttled", "refused", "bad_requests"),
            *("connections_refused", "connections_cut_off"),
        )
    }
    yield _counter("admin_refused", "What the admin server turned away", "what", refused)
    delayed = CounterMetricFamily("translink_admin_delayed", "Requests that had to wait")
    delayed.add_metric([], counts.get("delayed", 0))
    yield delayed


def _gauge(name: str, meaning: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"translink_{name}", meaning)
    family.add_metric([], value)
    return family


def _counter(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"translink_{name}", meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _pieces(
    make: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    meaning: str,
    legs: Mapping[str, Sequence[Mapping[str, float]]],
    key: str,
    scale: float,
    together: Callable[[Iterable[float]], float] = sum,
) -> Iterator[bytes]:
    """A family with a sample for each label, as text: the library takes ten times as long for a
    line, half a second for 1,000 legs."""
    yield _ENCODE(_One(make(f"translink_{name}", meaning, labels=["leg"])))
    total = "_total" if make is CounterMetricFamily else ""
    for labels in _some(legs):
        yield "".join(
            f'translink_{name}{total}{{leg="{_escaped(label)}"}} '
            f"{_number(together([leg.get(key, 0) for leg in legs[label]]) * scale)}\n"
            for label in labels
        ).encode()


def _number(value: float) -> str:
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


def _by_kind(
    kind: str, meaning: str, legs: Mapping[str, Sequence[Mapping[str, int]]]
) -> Iterator[bytes]:
    name = f"translink_leg_{kind}"
    yield _ENCODE(_One(CounterMetricFamily(name, meaning, labels=["leg", "kind"])))
    for labels in _some(legs):
        lines: list[str] = []
        for label in labels:
            counted: Counter[str] = Counter()
            for leg in legs[label]:
                for key, value in leg.items():
                    if key.startswith(f"{kind}_"):
                        counted[key.removeprefix(f"{kind}_")] += value
            lines += (
                f'{name}_total{{kind="{what}",leg="{_escaped(label)}"}} {_number(value)}\n'
                for what, value in counted.items()
            )
        yield "".join(lines).encode()


def _escaped(label: str) -> str:
    """As the format wants it between quotation marks."""
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _some(labels: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """A few of them at a time, and once if there are none."""
    waiting = iter(labels)
    some = tuple(islice(waiting, LABELS_AT_ONCE))
    while True:
        yield some
        if not (some := tuple(islice(waiting, LABELS_AT_ONCE))):
            return
