"""What one final result, and one word, takes on its way, beside the providers' fixed delays.

Five calls through a real `translink serve`; everybody says single words with pauses of some
seconds, so that nothing waits for another word. The providers take exactly 300 ms from the end of a
word to its final result, 80 ms to translate and 200 ms until their first sound.
"""

from __future__ import annotations

from benches.kit.calls import CallsScene, Outcome, add_words, run_calls
from benches.kit.quantiles import curve, named
from benches.kit.row import Bench, Row, Scale
from translink.sim.beacons import Manner

DELAYS = (300, 80, 200)
WORD_MS = 140
"""A beacon word's length: it must be said again before it has been heard."""
SINGLE_WORDS = Manner(words=(1, 1), pause=(2.0, 3.0))
CALLS = 5


def bench_interpreter(bench: Bench) -> None:
    """Final result → first datagram of its translation, without the providers' time."""
    row = Row("interpreter", f"{CALLS} calls, single words")

    def once() -> None:
        outcome = new(bench.scale)
        own = outcome.stages_ms["own"]
        row.quantiles(
            "own time", "ms", own, "p50", "p95", "p99", "max",
            at_most={"p50": 2.0, "p99": 10.0}, noise=0.2,
        )  # fmt: skip
        row.add("utterances", "", own["count"], own=False)
        for name in ("ring_to_wire", "audio_to_sent"):
            if name in outcome.stages_ms:
                reported = outcome.stages_ms[name]
                row.quantiles(name.replace("_", " "), "ms", reported, "p50", "p99", noise=0.2)
        add_words(row, outcome.counts)

    bench.measure(row, once, repeats=bench.scale.pick(1, 1, 3))


def bench_mouth_to_ear(bench: Bench) -> None:
    """Last sample of a word said → last sample of its translation heard."""
    least = sum(DELAYS) + WORD_MS
    row = Row("mouth-to-ear", f"{CALLS} calls, providers {' + '.join(map(str, DELAYS))} ms")

    def once() -> None:
        outcome = _runs.pop(0) if _runs else new(bench.scale)
        delays = [delay for _, delay in outcome.counts.delays_ms]
        row.quantiles("mouth to ear", "ms", named(delays, 1, 2), "p50", "p99", "max", noise=0.01)
        row.add("sum of the fixed delays and the word", "ms", least, own=False)
        above = [delay - least for delay in delays]
        row.quantiles("above that sum", "ms", named(above, 1, 2), "p50", "p99", "max", noise=0.1)
        row.curve("above the sum", "ms", curve(above))
        parts(row, outcome)
        add_words(row, outcome.counts)

    bench.measure(row, once, repeats=bench.scale.pick(1, 1, 3))


def parts(row: Row, outcome: Outcome) -> None:
    """The medians that make up the way."""
    for name in ("speech_to_final", "commit_wait", "translate", "request_to_audio", "own"):
        if name in outcome.stages_ms:
            own = name in ("commit_wait", "own")
            row.add(f"of it {name.replace('_', ' ')} p50", "ms", outcome.stages_ms[name]["p50"],
                    own=own, noise=0.2)  # fmt: skip


def new(scale: Scale) -> Outcome:
    """A run that serves both rows: the second takes what the first has left."""
    scene = CallsScene(
        CALLS,
        scale.pick(4.0, 15.0, 40.0),
        manner=SINGLE_WORDS,
        delays="/".join(map(str, DELAYS)),
    )
    _runs.append(run_calls(scene))
    return _runs[-1]


_runs: list[Outcome] = []
