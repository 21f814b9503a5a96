"""All benchmarks by one command, and what they say: `make bench`, `make bench ARGS="-k ingest"`.

    python -m benches                    # the quick form of every row, a few minutes
    python -m benches --full             # for the record: longer runs, more repeats, more steps
    python -m benches -k "ingest and 400"    # only these, as pytest selects; the others stay
    python -m benches -k soak --minutes 5
    python -m benches --report           # the pages once more from the last results
    python -m benches --save-baseline    # what later runs are compared with, beside the last run

The report is `benches/report/index.html` and `report.md`; `last.json` is what pytest-benchmark
wrote, `baseline.json` a copy of one that was kept. The table of targets also goes into
`docs/performance.md`, unless results go to a folder of one's own (`--out`; the smoke form's do, if
none is named). Exit code: pytest's, so 1 when a benchmark could not be run; figures that are worse
beyond noise are named, and fail nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benches.kit.native import ROOT
from benches.kit.provenance import head
from benches.reporting.markdown import document, moved
from benches.reporting.page import page
from benches.reporting.results import changes, merged, read
from benches.reporting.targets import notes, table, write_between
from benches.reporting.text import figures

HERE = ROOT / "benches"
REPORT = HERE / "report"
PERFORMANCE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Measure, compare, report."""
    asked = arguments()
    if asked.out is None:
        asked.out = Path(tempfile.mkdtemp()) if asked.scale == "smoke" else REPORT
    asked.out.mkdir(parents=True, exist_ok=True)
    last = read(asked.out / "last.json")
    code, results = 0, last
    if not asked.report and not asked.save_baseline:
        fresh = asked.out / "fresh.json"
        code = measure(asked, fresh)
        new = read(fresh)
        if new is None:
            return code or 1
        fresh.unlink()
        slim(new)
        sys.stdout.write(figures(new))
        results = merged(last, new)
        (asked.out / "last.json").write_text(json.dumps(results, indent=1) + "\n")
    if results is None:
        sys.stderr.write("no results yet: run `make bench` first\n")
        return 1
    if asked.save_baseline:
        (asked.out / "baseline.json").write_text(json.dumps(results, indent=1) + "\n")
    report(asked.out, results, last)
    return code


def report(out: Path, results: dict[str, Any], last: dict[str, Any] | None) -> None:
    """Write the pages."""
    since_last = changes(last, results)
    since_baseline = changes(read(out / "baseline.json"), results)
    (out / "index.html").write_text(page(results, since_last, since_baseline), encoding="utf-8")
    (out / "report.md").write_text(document(results, since_last), encoding="utf-8")
    if out == REPORT and PERFORMANCE.exists():
        where = head(results["machine_info"]["translink"])
        told = "\n\n".join([table(results), *notes(results), where])
        write_between(PERFORMANCE, "targets", told)
    sys.stdout.write(f"{moved(since_last)}\n\nreport: {out / 'index.html'}\n")


def measure(asked: argparse.Namespace, results: Path) -> int:
    """Run the benchmarks into a file of pytest-benchmark's JSON."""
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE / "rows")]
    command += ["--scale", asked.scale, f"--benchmark-json={results}", "--benchmark-quiet", "-s"]
    command += ["-k", asked.only] if asked.only else []
    command += [f"--minutes={asked.minutes}"] if asked.minutes else []
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment["TRANSLINK_BENCH_COMMAND"] = " ".join(["python -m benches", *sys.argv[1:]])
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def slim(results: dict[str, Any]) -> None:
    """What pytest-benchmark adds and nobody reads, and what names the machine."""
    results["machine_info"] = {"translink": results["machine_info"]["translink"]}
    results.pop("commit_info", None)
    for benchmark in results["benchmarks"]:
        benchmark["stats"].pop("data", None)
        for key in ("options", "params", "param", "fullname"):
            benchmark.pop(key, None)


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="benches", description=__doc__.partition("\n")[0])
    form = parser.add_mutually_exclusive_group()
    for scale in ("smoke", "quick", "full"):
        form.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale)
    parser.set_defaults(scale="quick")
    parser.add_argument("-k", dest="only", default="", help="as in pytest")
    parser.add_argument("--minutes", type=float, help="of the soak, instead of the form's")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--save-baseline", action="store_true", help="measure nothing, keep these")
    parser.add_argument("--out", type=Path, help="folder of the report")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
