"""A trace for each utterance, by OpenTelemetry: an optional extra (`pip install 'translink[otel]'`).

Made from the journal's events when an utterance is over, with the times that they carry, so that it
costs nothing while words are under way, and nothing at all when `otel.endpoint` is not set: then
nothing of it is even imported. No text goes out: what was said is not the tracing backend's
business. At most `MOST_OPEN` utterances are followed at once; one more lets go of the oldest, untraced and
counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from translink.observe.journal import Event, Journal
    from translink.settings.process import OtelSettings

MOST_OPEN = 5_000
Attributes = dict[str, str | int | float]


@dataclass(slots=True)
class _TracedUtterance:
    """What is known of one so far. Unix seconds, 0 = not yet."""

    call: str
    leg: str
    segment: int
    began: float
    final: float
    language: str
    started: float = 0.0
    """Its first sound in the other ear."""
    spans: list[tuple[str, float, float, Attributes]] = field(default_factory=list)
    wrong: str = ""


class Traces:
    """Follows the journal and makes spans of it."""

    def __init__(self, journal: Journal, tracer: Tracer) -> None:
        self.dropped = 0
        """Utterances that were let go of."""
        self._tracer = tracer
        self._open: OrderedDict[tuple[str, str, int], _TracedUtterance] = OrderedDict()
        self.close: Callable[[], None] = journal.listen(self._event)
        """Follow no more."""

    def _event(self, event: Event) -> None:
        number = event.data.get("segment")
        if event.call is None or event.leg is None or not isinstance(number, int):
            return
        key = event.call, event.leg, number
        if event.type == "segment":
            if len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)
                self.dropped += 1
            began = event.number("began") or event.at
            language = str(event.data.get("language", ""))
            self._open[key] = _TracedUtterance(*key, began, event.at, language)
        elif (utterance := self._open.get(key)) is not None and _follow(utterance, event):
            del self._open[key]
            self._tell(utterance, event.at)

    def _tell(self, utterance: _TracedUtterance, end: float) -> None:
        from opentelemetry.trace import set_span_in_context

        attributes: Attributes = {
            "translink.call": utterance.call,
            "translink.leg": utterance.leg,
            "translink.segment": utterance.segment,
            "translink.language": utterance.language,
        }
        root = self._span("utterance", utterance.began, attributes)
        context = set_span_in_context(root)
        heard: tuple[str, float, float, Attributes] = (
            "recognise",
            utterance.began,
            utterance.final,
            {},
        )
        for name, start, stop, more in (heard, *utterance.spans):
            span = self._tracer.start_span(name, context, start_time=_ns(start), attributes=more)
            span.end(_ns(max(start, stop)))
        if utterance.wrong:
            _fail(root, utterance.wrong)
        root.end(_ns(max(end, utterance.began)))

    def _span(self, name: str, start: float, attributes: Attributes) -> Span:
        from opentelemetry.context import Context

        return self._tracer.start_span(
            name, Context(), start_time=_ns(start), attributes=attributes
        )


def export(journal: Journal, settings: OtelSettings) -> Callable[[], None]:
    """Send traces to where the settings say, from a thread of its own. Returns what ends it.

    The settings have seen to it that the extra is installed.
    """
    assert settings.endpoint is not None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": settings.service, "service.version": __version__}
        ),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{settings.endpoint}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    traces = Traces(journal, provider.get_tracer("translink", __version__))

    def close() -> None:
        traces.close()
        provider.shutdown()

    return close


def _follow(utterance: _TracedUtterance, event: Event) -> bool:
    """What became of it. True: it is over."""
    data = event.data
    match event.type:
        case "translation":
            asked = event.number("asked") or event.at
            took = (event.number("ms") or 0.0) / 1000
            more: Attributes = {
                "translink.provider": str(data.get("by", "")),
                "translink.target": str(data.get("target", "")),
            }
            utterance.spans.append(("translate", asked, asked + took, more))
        case "untranslated":
            utterance.wrong = str(data.get("reason") or "not translated")
            return True
        case "speech":
            return _speech(utterance, event)
    return False


def _speech(utterance: _TracedUtterance, event: Event) -> bool:
    state = event.data.get("state")
    if state == "started":
        utterance.started = event.at
        asked, first = event.number("asked"), event.number("first_audio")
        if asked and first:
            utterance.spans.append(("synthesise", asked, first, {}))
        return False
    if state == "failed":
        utterance.wrong = str(event.data.get("reason") or "not spoken")
        # What was begun is still said; the ear tells when that is over.
        return not utterance.started
    if state == "skipped":
        utterance.wrong = "left out: the ear was too far behind"
    if state == "flushed":
        utterance.wrong = utterance.wrong or "flushed"
    if utterance.started:
        utterance.spans.append(("speak", utterance.started, event.at, {}))
    return True


def _fail(span: Span, reason: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, reason))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
