"""Calls as they are in production: providers over TLS, and parties who take turns.

The scenes of a step run one after the other, so that each ratio is of one run; every word is
counted in each. The last has the regulator at its highest step: audio goes to the recogniser in
messages of 100 ms, interim results are not published. The capacity row climbs with both parties
talking nearly all the time and without TLS, which nobody runs.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from benches.kit.calls import CallsScene, Outcome, add_words, run_calls
from benches.kit.quantiles import named
from benches.kit.row import Bench, Row, counted
from benches.kit.turns import DIALOG, Turns
from translink.sim.beacons import Manner

CALLS = (1, 25, 100, 200)
BOTH = Manner()
"""Bursts of 3 to 12 words with pauses of 0.4 to 2 s: each talks 60 % of the time."""
LIMITS = {
    "both talk": 0.5,
    "both talk, TLS": 0.6,
    "conversation, TLS": 0.35,
    "100 ms messages, TLS": 0.3,
}
"""Percent of a core for a call."""
COALESCING = """
[pressure]
shed = 0.01
coalesce = 0.01
refuse = 0.02
"""
"""Pressure is beyond these with a few calls. Of 200 that begin with the same datagram the last ten to twenty are
refused, because the regulator is at its highest step before all are there; what is said to them counts as lost."""


@pytest.mark.parametrize("calls", CALLS)
def bench_production(bench: Bench, calls: int) -> None:
    """CPU per call and own time of all four."""
    scale = bench.scale
    if calls not in scale.pick((1,), (25,), (100, 200)):
        pytest.skip(f"not in the {scale.name} form")
    turns = Turns.read()
    row = Row("production", counted(calls, "call"), x=calls, axis="two-way calls")
    row.note(
        f"each party of the conversation ({turns.name}) talks {100 * turns.share:.0f} % of the time"
    )
    if not DIALOG.exists():
        row.note(
            "a talk that was written takes the place of a recorded one: no ../shared/talks here"
        )
    scene = CallsScene(
        calls, scale.pick(3.0, 10.0, 30.0), manner=scale.pick(Manner(words=(1, 3)), BOTH, BOTH)
    )
    scenes = {
        "both talk": scene,
        "both talk, TLS": replace(scene, tls=True),
        "conversation": replace(scene, turns=turns),
        "conversation, TLS": replace(scene, turns=turns, tls=True),
        "100 ms messages, TLS": replace(scene, tls=True, extra=COALESCING),
    }
    if scale.name == "smoke":
        scenes = {"conversation, TLS": scenes["conversation, TLS"]}
    pairs = {
        "TLS ÷ plain, both talk": ("both talk, TLS", "both talk"),
        "TLS ÷ plain, conversation": ("conversation, TLS", "conversation"),
        "conversation, TLS ÷ both talk": ("conversation, TLS", "both talk"),
    }

    def once() -> None:
        cpu = {name: tell(row, name, run_calls(scene)) for name, scene in scenes.items()}
        for title, (one, other) in pairs.items():
            if one in cpu and other in cpu:
                row.add(title, "×", cpu[one] / cpu[other], noise=0.1)

    bench.measure(row, once, repeats=scale.pick(1, 1, 2))


def bench_interpreter_tls(bench: Bench) -> None:
    """Own time and what precedes it, over TLS and without, the providers' delays fixed."""
    scale = bench.scale
    if scale.name == "smoke":
        pytest.skip("not in the smoke run")
    row = Row("interpreter", "5 calls, single words, over TLS")
    scene = CallsScene(
        5,
        scale.pick(4.0, 12.0, 40.0),
        manner=Manner(words=(1, 1), pause=(2.0, 3.0)),
        delays="300/80/200",
    )

    def once() -> None:
        for name, tls in (("plain", False), ("TLS", True)):
            outcome = run_calls(replace(scene, tls=tls))
            for stage in ("own", "ring_to_wire", "translate", "request_to_audio"):
                if stage in outcome.stages_ms:
                    title = f"{stage.replace('_', ' ')}, {name}"
                    row.quantiles(
                        title, "ms", outcome.stages_ms[stage], "p50", "p99", own=tls, noise=0.2
                    )
            delays = [delay for _, delay in outcome.counts.delays_ms]
            row.quantiles(
                f"mouth to ear, {name}", "ms", named(delays, 1, 2), "p50", "p99", noise=0.01
            )
            row.add(f"words lost, {name}", "words", outcome.counts.words_lost, at_most=0)

    bench.measure(row, once, repeats=scale.pick(1, 1, 3))


def tell(row: Row, name: str, outcome: Outcome) -> float:
    """The figures of one scene; CPU per call."""
    percent = 100 * outcome.cpu / outcome.scene.calls
    limit = LIMITS.get(name)
    many = outcome.scene.calls >= 25
    row.add(
        f"{name}: CPU per call", "% of a core", percent, at_most=limit if many else None, noise=0.05
    )
    row.quantiles(
        f"{name}: own time", "ms", outcome.stages_ms.get("own", {}), "p50", "p99", noise=0.2,
        at_most={"p99": 20.0},
    )  # fmt: skip
    row.add(f"{name}: CPU of the fake providers", "cores", outcome.provider_cpu, own=False)
    row.quantiles(
        f"{name}: playout",
        "ms",
        named(outcome.deviations_ms),
        "p99",
        at_most={"p99": 2.0},
        noise=0.2,
    )
    add_words(row, outcome.counts, f"{name}: ")
    return percent
