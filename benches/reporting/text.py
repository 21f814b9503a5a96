"""Results as plain text, for the screen."""

from __future__ import annotations

from statistics import median
from typing import Any

from benches.kit.provenance import head


def figures(results: dict[str, Any]) -> str:
    """Every figure: the median, the unit, the target and whether it is met, all repeats."""
    lines = [head(results["machine_info"]["translink"]), ""]
    for benchmark in results["benchmarks"]:
        row = benchmark["extra_info"]
        lines.append(f"{row['row']}: {row['case']}   (load {row['load'][0]})")
        for name, figure in row["figures"].items():
            values = figure["values"]
            lines.append(
                f"    {name:<44}{median(values):>12,.3f} {figure['unit']:<22}"
                f"{_verdict(figure):<14}{_repeats(values)}".rstrip()
            )
        lines += [f"    {note}" for note in row["notes"]]
        lines.append("")
    return "\n".join(lines)


def _verdict(figure: dict[str, Any]) -> str:
    limit = figure["at_most"]
    if limit is None:
        return ""
    met = median(figure["values"]) <= limit
    return f"{'met' if met else 'MISSED'} (≤ {limit:g})"


def _repeats(values: list[float]) -> str:
    return " ".join(f"{value:g}" for value in values) if len(values) > 1 else ""
