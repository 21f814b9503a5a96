"""The report in words: targets, what moved, and every figure, as markdown; the same as one folder of HTML."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from markdown_it import MarkdownIt

from benches.reporting.results import Change, rows_of
from benches.reporting.targets import heads, short, table

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>translink, measured</title>
<style>body {{ font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em }}
td, th {{ padding: 2px 12px; text-align: left }} img {{ max-width: 100% }}</style>
{body}"""


def write(folder: Path, results: dict[str, Any], moves: list[Change]) -> None:
    """`report.md`, a plot for each row that has one, and `index.html`, which shows both."""
    # Only here: matplotlib takes 0.4 s of processor time, in every worker that collects the tests.
    from benches.reporting.plots import plot

    parts = ["# translink, measured", heads(results), "## Targets", table(results)]
    parts += ["## What moved", moved(moves)]
    for row, cases in rows_of(results).items():
        parts.append(f"## {row}")
        picture = f"{row.replace(' ', '-')}.svg"
        if plot(cases, folder / picture):
            parts.append(f"![{row}]({picture})")
        parts += map(figures, cases)
    text = "\n\n".join(parts) + "\n"
    (folder / "report.md").write_text(text, encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    (folder / "index.html").write_text(PAGE.format(body=markdown.render(text)), encoding="utf-8")


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


def figures(case: dict[str, Any]) -> str:
    """Every figure of a case, and its notes."""
    when = case["when"]
    lines = [
        f"### {case['row']}: {case['case']}\n",
        f"{when['date'][:10]}, {when['commit']}, {when['scale']} form, load {case['load'][0]}\n",
        "| figure | median | unit | least – most | target |",
        "|---|---|---|---|---|",
    ]
    for name, figure in case["figures"].items():
        values, limit = figure["values"], figure["at_most"]
        spread = f"{short(min(values))} – {short(max(values))}" if len(values) > 1 else ""
        word = "met" if limit is not None and median(values) <= limit else "**missed**"
        verdict = "" if limit is None else f"≤ {limit:g}: {word}"
        lines.append(
            f"| {name} | {short(median(values))} | {figure['unit']} | {spread} | {verdict} |"
        )
    return "\n".join([*lines, *(f"\n{note}" for note in case["notes"])])
