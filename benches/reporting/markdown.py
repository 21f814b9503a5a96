"""The report as markdown: targets, what moved, and every row's figures of ours beside rivals'."""

from __future__ import annotations

from statistics import median
from typing import Any

from benches.kit.provenance import head
from benches.reporting.results import Change, rows_of
from benches.reporting.targets import short, table


def document(results: dict[str, Any], since_last: list[Change]) -> str:
    """All of it."""
    parts = ["# translink, measured", head(results["machine_info"]["translink"])]
    parts += [
        "## Targets",
        table(results),
        "## What moved since the last report",
        moved(since_last),
    ]
    for row, cases in rows_of(results).items():
        parts.append(f"## {row}")
        for case in cases:
            when = case["when"]
            parts.append(
                f"### {case['case']}\n\n{when['date'][:10]}, {when['commit']}, {when['scale']} form, "
                f"load {case['load'][0]}"
            )
            parts.append(_figures(case))
            parts += case["notes"]
    return "\n\n".join(parts) + "\n"


def moved(changes: list[Change]) -> str:
    """A table, or a sentence."""
    if not changes:
        return "Nothing beyond noise, or there was nothing to compare with."
    lines = ["| | case | figure | before | after | noise |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {'**worse**' if change.worse else 'better'} | {change.row}: {change.case} "
        f"| {change.name} | {short(change.before)} {change.unit} "
        f"| {short(change.after)} ({100 * change.share:+.0f} %) | ± {short(change.noise)} |"
        for change in changes
    ]
    return "\n".join(lines)


def _figures(case: dict[str, Any]) -> str:
    lines = ["| figure | median | unit | least – most | target |", "|---|---|---|---|---|"]
    for name, figure in case["figures"].items():
        values, limit = figure["values"], figure["at_most"]
        middle = median(values)
        spread = f"{short(min(values))} – {short(max(values))}" if len(values) > 1 else ""
        verdict = (
            "" if limit is None else f"≤ {limit:g}: {'met' if middle <= limit else '**missed**'}"
        )
        lines.append(f"| {name} | {short(middle)} | {figure['unit']} | {spread} | {verdict} |")
    return "\n".join(lines)
