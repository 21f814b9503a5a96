"""The report as one HTML page: no script, no request, light and dark, plots drawn in it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from statistics import median
from string import Template
from typing import Any

from benches.kit.native import ROOT
from benches.kit.provenance import head
from benches.reporting import svg
from benches.reporting.results import Change, rows_of, value
from benches.reporting.svg import Series
from benches.reporting.targets import Verdict, short, verdicts

FRAME = ROOT / "benches" / "reporting" / "page.html"
INTRODUCTIONS = {
    "ingest": "What a datagram costs the process that receives it — kernel, threads and Python "
    "included — beside a C program that only receives, and beside others that pack the same frames.",
    "hand-off": "How long a complete frame waits until a Python callback on the loop has it.",
    "wire": "From the last datagram of a frame until the recogniser has read its message, through a "
    "whole server, beside a program that does nothing else.",
    "playout": "How far behind its 20 ms grid each datagram reaches an ear.",
    "interpreter": "From a final result to the first datagram of its translation, without the time "
    "of the providers.",
    "mouth-to-ear": "From the end of a word said to the end of its translation heard, providers at "
    "fixed delays.",
    "capacity": "What a two-way call costs <code>translink serve</code>. Callers and fake providers "
    "share the machine and are counted apart.",
    "soak": "Calls for a long time: what grows?",
    "stray flood": "What a stranger's datagrams on the port of one leg cost the others.",
    "memory": "What one leg of the media engine holds.",
    "start": "How long until it is there.",
    "core": "Instructions for 20 ms of a leg, counted by callgrind: the same on a busy machine.",
}
SUFFIX = ", sent → callback"
"""What all lines of a plot would have in their names."""
RIVALS = {
    "ingest": [
        ("recvmmsg floor", False), ("uvloop DatagramProtocol", False),
        ("asyncio DatagramProtocol", False), ("Node", False), ("translink", True),
    ],
}  # fmt: skip


def page(results: dict[str, Any], since_last: list[Change], since_baseline: list[Change]) -> str:
    """All of it."""
    told = verdicts(results)
    rows = rows_of(results)
    sections = [
        f'<section id="{_id(row)}"><h2>{escape(row)}</h2><p class="lead">{INTRODUCTIONS.get(row, "")}</p>'
        f'<div class="plots">{"".join(_plots(row, cases))}</div>{_tables(cases)}</section>'
        for row, cases in rows.items()
    ]
    return Template(FRAME.read_text(encoding="utf-8")).substitute(
        head=escape(head(results["machine_info"]["translink"])).replace("`", ""),
        summary=_summary(told, since_last),
        targets="".join(map(_target, told)),
        changes=_changes(since_last, "the last report") + _changes(since_baseline, "the baseline"),
        links="".join(f'<a href="#{_id(row)}">{escape(row)}</a>' for row in rows),
        sections="\n".join(sections),
    )


def _summary(told: list[Verdict], since_last: list[Change]) -> str:
    met = sum(verdict.met is True for verdict in told)
    missed = sum(verdict.met is False for verdict in told)
    worse = sum(change.worse for change in since_last)
    unknown = len(told) - met - missed
    cells = [(met, "targets met", "good"), (missed, "missed", "bad" if missed else "calm")]
    cells += [(unknown, "not measured", "calm")] if unknown else []
    cells.append((worse, "figures worse than last time", "bad" if worse else "calm"))
    return "".join(
        f'<div class="{kind}"><b>{number}</b><span>{text}</span></div>'
        for number, text, kind in cells
    )


def _target(verdict: Verdict) -> str:
    """A line with a bar: the target is at two thirds of its width."""
    target, measured = verdict.target, verdict.measured
    kind = {True: "good", False: "bad", None: "calm"}[verdict.met]
    word = verdict.word
    share = 0.0
    if measured is not None:
        share = measured / target.limit if target.limit else float(measured > 0) * 1.5
    width = min(100.0, 100 * 2 / 3 * max(0.0, share))
    sign = "≥" if target.at_least else "≤" if target.limit else ""
    shown = "–" if measured is None else f"{short(measured)} {escape(target.unit)}"
    return (
        f'<tr class="{kind}"><td>{escape(target.text).replace("`", "")}</td>'
        f'<td class="n">{shown}</td><td class="bar"><i style="width:{width:.1f}%"></i></td>'
        f'<td class="n dim">{sign} {target.limit:g} {escape(target.unit)}</td>'
        f'<td class="word">{word}</td></tr>'
    )


def _changes(changes: list[Change], what: str) -> str:
    if not changes:
        return f'<p class="dim">Nothing moved beyond noise since {what}, or there is nothing to compare with.</p>'
    lines = "".join(
        f'<tr class="{"bad" if change.worse else "good"}"><td>{escape(change.row)}: '
        f"{escape(change.case)}</td><td>{escape(change.name)}</td>"
        f'<td class="n">{short(change.before)} → {short(change.after)} {escape(change.unit)}</td>'
        f'<td class="n">{100 * change.share:+.0f} %</td>'
        f'<td class="n dim">± {short(change.noise)}</td>'
        f'<td class="word">{"worse" if change.worse else "better"}</td></tr>'
        for change in changes
    )
    return (
        f"<h3>Since {what}</h3><table><thead><tr><th>case</th><th>figure</th><th class=n>change</th>"
        f"<th class=n></th><th class=n>noise</th><th></th></tr></thead><tbody>{lines}</tbody></table>"
    )


def _plots(row: str, cases: list[dict[str, Any]]) -> Iterable[str]:
    match row:
        case "ingest":
            yield _against(cases, [(f"{name} CPU", name.removesuffix(" DatagramProtocol"), own)
                    for name, own in RIVALS["ingest"]],
                           "µs CPU a datagram", "CPU per datagram", log_y=True)  # fmt: skip
            yield _against(cases, [("translink ÷ floor", "translink ÷ floor", True)],
                           "×", "translink beside the floor", limit=1.15)  # fmt: skip
        case "wire":
            names = [("translink", True), ("uvloop + websockets", False)]
            for quantile in ("p50", "p99"):
                yield _against(cases, [(f"{n} {quantile}", n, own) for n, own in names],
                               "ms", f"wire, {quantile}", log_y=True,
                               limit=2.0 if quantile == "p99" else None)  # fmt: skip
            yield from _curves(cases, limit=2.0)
        case "playout":
            names = [("translink", True), ("uvloop pacing", False), ("asyncio pacing", False)]
            yield _against(cases, [(f"{n} p99", n, own) for n, own in names],
                           "ms", "playout, p99", log_y=True, limit=0.5)  # fmt: skip
            yield from _curves(cases, limit=0.5)
        case "capacity":
            yield _against(cases, [("CPU per call", "CPU per call", True)], "% of a core",
                           "CPU per call", limit=0.5)  # fmt: skip
            yield _against(
                cases,
                [("CPU of serve", "translink serve", True),
                 ("CPU of the fake providers", "fake providers", False),
                 ("CPU of the callers", "callers", False)],
                "cores", "who uses the machine",
            )  # fmt: skip
            yield _against(cases, [("memory per call beyond the ledgers", "beyond the ledgers", True)],
                           "MB a call", "memory per call", limit=1.0)  # fmt: skip
            yield _against(cases, [(f"own time {q}", q, True) for q in ("p50", "p99")], "ms",
                           "own time", log_y=True, limit=20.0)  # fmt: skip
        case "soak":
            for case_ in cases:
                for name, line in case_["lines"].items():
                    if line["points"]:
                        series = [Series(name, [(x, y) for x, y in line["points"]], True)]
                        drawn = svg.lines(series, x="seconds", y=line["unit"], title=name)
                        yield _figure(drawn, name, line["unit"])
        case _:
            yield from _curves(cases)


def _against(
    cases: list[dict[str, Any]], wanted: list[tuple[str, str, bool]], unit: str, title: str, *,
    log_y: bool = False, limit: float | None = None,
) -> str:  # fmt: skip
    """Figures over the row's axis, with the spread of the repeats."""
    stepped = [case for case in cases if case["x"] is not None]
    if len(stepped) < 2:
        return ""
    series = []
    for figure, name, own in wanted:
        found = [case for case in stepped if value(case, figure) is not None]
        points = [(case["x"], median(case["figures"][figure]["values"])) for case in found]
        band = [
            (
                case["x"],
                min(case["figures"][figure]["values"]),
                max(case["figures"][figure]["values"]),
            )
            for case in found
        ]
        series.append(Series(name, points, own, band if len(band) > 1 else ()))
    drawn = svg.lines(
        series, x=stepped[0]["axis"], y=unit, log_x=True, log_y=log_y, limit=limit, title=title
    )
    return _figure(drawn, title, unit)


def _curves(cases: list[dict[str, Any]], limit: float | None = None) -> Iterable[str]:
    for case in cases:
        series = [
            Series(
                name.removesuffix(SUFFIX),
                [(share, number) for share, number in told["points"]],
                told["own"],
            )
            for name, told in case["curves"].items()
        ]
        unit = next((told["unit"] for told in case["curves"].values()), "")
        drawn = svg.quantiles(series, unit=unit, limit=limit, title=case["case"])
        yield _figure(drawn, case["case"], unit)


def _figure(drawn: str, caption: str, unit: str) -> str:
    if not drawn:
        return ""
    return (
        f'<figure><figcaption>{escape(caption)} <span class="dim">{escape(unit)}</span></figcaption>'
        f"{drawn}</figure>"
    )


def _tables(cases: list[dict[str, Any]]) -> str:
    """Every figure, folded away."""
    parts = []
    for case in cases:
        lines = "".join(_line(name, figure) for name, figure in case["figures"].items())
        notes = "".join(f'<p class="note">{escape(note)}</p>' for note in case["notes"])
        when = case["when"]
        parts.append(
            f"<details><summary>{escape(case['case'])}"
            f'<span class="dim"> {escape(when["date"][:10])}, {escape(when["commit"])}, '
            f"{escape(when['scale'])} form, load {case['load'][0]}</span></summary>{notes}"
            f"<table><tbody>{lines}</tbody></table></details>"
        )
    return "".join(parts)


def _line(name: str, figure: dict[str, Any]) -> str:
    values = figure["values"]
    middle = median(values)
    limit = figure["at_most"]
    kind = "" if limit is None else "good" if middle <= limit else "bad"
    spread = f"{short(min(values))} – {short(max(values))}" if len(values) > 1 else ""
    target = "" if limit is None else f"≤ {limit:g}"
    return (
        f'<tr class="{kind}{"" if figure["own"] else " other"}"><td>{escape(name)}</td>'
        f'<td class="n">{short(middle)}</td><td class="dim">{escape(figure["unit"])}</td>'
        f'<td class="n dim">{spread}</td><td class="n dim">{target}</td></tr>'
    )


def _id(row: str) -> str:
    return row.replace(" ", "-")
