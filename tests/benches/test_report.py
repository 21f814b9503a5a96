"""Two runs are compared: what is noise, what is worse, what cannot be compared."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from benches.reporting.document import write
from benches.reporting.results import changes, merged, rows_of
from benches.reporting.targets import TARGETS, heads, notes, short, table, verdicts, write_between

WHERE = {
    "cpu": "one", "cores": 2, "scale": "quick", "date": "2026-01-01T00:00:00Z", "commit": "a",
    "translink": "1", "kernel": "6", "python": "3", "load": 0.1, "command": "x",
}  # fmt: skip


def figure(*values: float, **about: Any) -> Any:
    usual = {"unit": "ms", "better": "less", "own": True, "at_most": None, "noise": 0.0}
    return {**usual, **about, "values": list(values)}


def results(commit: str = "a", row: str = "wire", **figures: dict[str, Any]) -> dict[str, Any]:
    case = {
        "row": row, "case": "50 calls", "x": 50, "axis": "calls", "figures": figures,
        "curves": {}, "lines": {}, "notes": [], "load": [0.1], "when": WHERE | {"commit": commit},
    }  # fmt: skip
    return {
        "machine_info": {"translink": WHERE},
        "benchmarks": [{"name": f"{row}: 50 calls", "extra_info": case}],
    }


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (figure(1.0, 1.1, 1.2), figure(1.15, 1.2, 1.25), False),
        (figure(1.0, 1.1, 1.2), figure(1.9, 2.0, 2.1), True),
        (figure(1.0, 1.0, noise=0.2), figure(1.1, 1.1, noise=0.2), False),
        (figure(1.0), figure(1.2), False),
        (figure(1.0), figure(1.4), True),
        (figure(3000, noise=0.002), figure(3010, noise=0.002), False),
        (figure(3000, noise=0.002), figure(3100, noise=0.002), True),
        (figure(0, 0), figure(3, 3), True),
        (figure(1.0, own=False), figure(9.0, own=False), False),
    ],
)
def test_only_what_is_beyond_the_spread_of_both_runs_has_moved(
    before: dict[str, Any], after: dict[str, Any], moved: bool
) -> None:
    found = changes(results(p99=before), results("b", p99=after))
    assert bool(found) == moved
    assert all(change.worse for change in found)


def test_more_calls_are_better_and_fewer_worse() -> None:
    more, less = figure(300, 300, better="more"), figure(200, 200, better="more")
    assert [c.worse for c in changes(results(carried=less), results("b", carried=more))] == [False]
    assert [c.worse for c in changes(results(carried=more), results("b", carried=less))] == [True]


@pytest.mark.parametrize("other", [{"cpu": "two"}, {"cores": 8}, {"scale": "full"}])
def test_another_machine_and_another_form_are_not_compared(other: dict[str, Any]) -> None:
    old = results(p99=figure(1.0, 1.0))
    old["benchmarks"][0]["extra_info"]["when"] |= other
    assert not changes(old, results("b", p99=figure(9.0, 9.0)))


def test_what_several_cases_of_a_row_say_is_said_once() -> None:
    both = results(p99=figure(1.0))
    both["benchmarks"] += results(p99=figure(2.0))["benchmarks"]
    for case in both["benchmarks"]:
        case["extra_info"]["notes"] = ["nobody was refused"]
    assert notes(both) == ["wire: nobody was refused."]


def test_a_run_of_one_row_leaves_the_others_as_they_were() -> None:
    old = merged(results(p99=figure(1.0)), results(row="core", level=figure(2000.0)))
    new = merged(old, results("b", p99=figure(2.0)))
    rows = rows_of(new)
    assert list(rows) == ["wire", "core"]
    assert rows["wire"][0]["when"]["commit"] == "b"
    assert rows["core"][0]["when"]["commit"] == "a"


def test_a_target_is_met_missed_or_not_measured() -> None:
    met = {v.target.text: v.met for v in verdicts(results(**{"translink p99": figure(1.9)}))}
    missed = {v.target.text: v.met for v in verdicts(results(**{"translink p99": figure(2.1)}))}
    assert met["wire p99 at 50 calls"] is True
    assert missed["wire p99 at 50 calls"] is False
    assert met["`import translink`"] is None
    assert len(met) == len(TARGETS)
    assert "**missed**" in table(results(**{"translink p99": figure(2.1)}))


def test_the_table_replaces_what_stood_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- targets:begin -->\nold\n<!-- targets:end -->\nafter\n")
    write_between(document, "targets", "new")
    write_between(document, "targets", "newer")
    marked = "before\n<!-- targets:begin -->\nnewer\n<!-- targets:end -->\nafter\n"
    assert document.read_text() == marked
    with pytest.raises(ValueError, match="chaos"):
        write_between(document, "chaos", "new")


def test_names_from_a_run_cannot_break_the_page(tmp_path: Path) -> None:
    reported = results(**{"<script>": figure(1.0)})
    reported["benchmarks"][0]["extra_info"] |= {
        "case": "<b>bold</b>",
        "curves": {"late": {"unit": "ms", "points": [[0.5, 1.0], [0.99, 2.0]], "own": True}},
    }
    write(tmp_path, reported, changes(reported, _with(reported, "b", 9.0)))
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page
    assert "worse" in page
    assert '<img src="wire.svg"' in page
    assert "<b>" not in (tmp_path / "wire.svg").read_text()


def test_each_run_is_named_with_the_rows_it_measured() -> None:
    old, new = results(p99=figure(1.0)), results("b", row="core", level=figure(1.0))
    assert [line[-7:] for line in heads(merged(old, new)).split("\n\n")] == [" (wire)", " (core)"]


def _with(reported: dict[str, Any], commit: str, value: float) -> dict[str, Any]:
    changed = copy.deepcopy(reported)
    case = changed["benchmarks"][0]["extra_info"]
    case["when"]["commit"] = commit
    for each in case["figures"].values():
        each["values"] = [value]
    return changed


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234, "1,234")],
)
def test_numbers_keep_three_digits(number: float, text: str) -> None:
    assert short(number) == text


def test_what_a_call_costs_is_said_by_a_step_that_was_carried() -> None:
    lost, late = {"unit": "words", "at_most": 0}, {"at_most": 20}
    whole = results(
        row="production",
        **{
            "both talk, TLS: CPU per call": figure(0.7),
            "both talk, TLS: words lost": figure(0, **lost),
            "both talk, TLS: own time p99": figure(19.0, **late),
            "conversation, TLS: words lost": figure(9, **lost),
        },
    )
    verdict = {v.target.text: v.measured for v in verdicts(whole)}
    assert verdict["CPU per two-way call, TLS, the best step carried"] == 0.7
    for name, broken in (("words lost", figure(1, **lost)), ("own time p99", figure(21, **late))):
        refused = copy.deepcopy(whole)["benchmarks"][0]
        refused["name"] = refused["extra_info"]["case"] = "200 calls"
        refused["extra_info"]["figures"] |= {
            "both talk, TLS: CPU per call": figure(0.2),
            f"both talk, TLS: {name}": broken,
        }
        both = {**whole, "benchmarks": [*whole["benchmarks"], refused]}
        verdict = {v.target.text: v.measured for v in verdicts(both)}
        assert verdict["CPU per two-way call, TLS, the best step carried"] == 0.7


@pytest.mark.parametrize(
    ("carried", "step", "word"),
    [(100.0, 100, "no more was tried"), (0.0, 100, "missed"), (200.0, 200, "met")],
)
def test_calls_that_were_not_tried_are_neither_carried_nor_missed(
    carried: float, step: int, word: str
) -> None:
    reported = results(row="capacity", carried=figure(carried, better="more"))
    reported["benchmarks"][0]["extra_info"]["x"] = step
    found = {v.target.text: v.word for v in verdicts(reported)}
    assert found["calls carried with every condition kept"] == word
