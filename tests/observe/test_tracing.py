"""Each utterance as a trace, with its true times; nothing of it where nobody asked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.observe import tracing
from translink.observe.journal import Journal
from translink.observe.tracing import Traces

trace = pytest.importorskip("opentelemetry.sdk.trace")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


class Collected:
    """Traces of a journal, in memory."""

    def __init__(self, journal: Journal) -> None:
        self.exporter = memory.InMemorySpanExporter()
        provider = trace.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(export.SimpleSpanProcessor(self.exporter))
        self.traces = Traces(journal, provider.get_tracer("test"))

    def spans(self, name: str = "") -> list[Any]:
        found = self.exporter.get_finished_spans()
        return [span for span in found if not name or span.name == name]


def test_an_utterance_is_a_trace_of_what_was_done_to_it_in_order() -> None:
    async def scenario() -> Collected:
        board = Board(idle_timeout=30)
        collected = Collected(board.journal)
        board.providers.delays = {"translate en": 0.2, "speak fr": 0.3}
        await board.talk("1", 1.2)
        await board.switchboard.close("test over")
        return collected

    collected = run_virtually(scenario())
    roots = collected.spans("utterance")
    assert len(roots) == 3
    root = roots[0]
    assert root.attributes is not None
    assert root.attributes["translink.leg"] == "1"
    assert root.parent is None
    inside = {
        span.name: span
        for span in collected.spans()
        if span.parent and span.parent.span_id == root.context.span_id
    }
    assert list(inside) == ["recognise", "translate", "synthesise", "speak"]
    for span in inside.values():
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time + 1
    took = {name: (span.end_time - span.start_time) / 1e9 for name, span in inside.items()}
    assert took["translate"] == pytest.approx(0.2, abs=0.02)
    assert took["synthesise"] == pytest.approx(0.3, abs=0.02)
    assert inside["translate"].attributes["translink.provider"] == "fake"
    # Half a second of speech, recognised at once.
    assert took["recognise"] == pytest.approx(0.5, abs=0.1)
    assert not any("word" in str(span.attributes) for span in collected.spans()), "no text goes out"


@pytest.mark.parametrize(
    ("bug", "inside"),
    [("translate en", ["recognise"]), ("speak fr", ["recognise", "translate"])],
)
def test_what_went_wrong_is_an_error_with_its_reason(bug: str, inside: list[str]) -> None:
    async def scenario() -> Collected:
        board = Board(idle_timeout=30)
        collected = Collected(board.journal)
        board.providers.bugs[bug] = ProviderError("down", provider="x", kind=Kind.TRANSIENT)
        await board.talk("1", 0.52)
        await board.switchboard.close("test over")
        return collected

    collected = run_virtually(scenario())
    root = collected.spans("utterance")[0]
    assert (root.status.status_code.name, root.status.description) == ("ERROR", "down")
    names = [s.name for s in collected.spans() if s.context.trace_id == root.context.trace_id]
    assert names == [*inside, "utterance"]


def test_utterances_that_never_end_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MOST_OPEN", 10)
    journal = Journal()
    collected = Collected(journal)
    for number in range(25):
        journal.emit("segment", {"segment": number, "text": "x"}, call="c", leg="1")
    assert len(collected.traces._open) == 10
    assert collected.traces.dropped == 15
    collected.traces.close()
    journal.emit("untranslated", {"segment": 24, "reason": "x"}, call="c", leg="1")
    assert collected.spans() == []


def test_who_does_not_trace_does_not_load_it() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, translink.app; print([m for m in sys.modules if 'telemetry' in m])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == "[]"
