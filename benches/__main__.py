"""All benchmarks by one command, and what they say: `make bench`, `make bench ARGS="-k ingest"`.

    python -m benches                    # the quick form of every row, a few minutes
    python -m benches --full             # for the record: longer runs, more repeats, more steps
    python -m benches -k "ingest and 400"    # only these, as pytest selects; the others stay
    python -m benches -k soak --minutes 5 --calls 50
    python -m benches --report           # the pages once more from the last results
    python -m benches --against FILE     # compare with these results instead of the last run's
    python -m benches --gate             # a few minutes, judged: see benches/gate/gate.py

Everything goes to `benches/report/`, which is not in git: `last.json` is what pytest-benchmark wrote,
and what the next run is compared with; `report.md` and `index.html` are the report. The table of
targets also goes into `docs/performance.md`, unless `--out` names another folder (the smoke form
takes a temporary one). Exit code: pytest's, so 1 when a benchmark could not be run. Figures that got
worse beyond noise are named; they fail nothing. What fails is the gate.
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
from benches.reporting.document import figures, moved, write
from benches.reporting.results import changes, merged, read, rows_of
from benches.reporting.targets import heads, notes, table, write_between

HERE = ROOT / "benches"
REPORT = HERE / "report"
PERFORMANCE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Measure, compare, report."""
    asked = arguments()
    if asked.gate:
        # Only here: it imports the whole of what runs calls.
        from benches.gate.gate import gate, record

        return record() if asked.record else gate()
    if asked.out is None:
        asked.out = Path(tempfile.mkdtemp()) if asked.scale == "smoke" else REPORT
    asked.out.mkdir(parents=True, exist_ok=True)
    last = asked.out / "last.json"
    before, results = read(asked.against or last), read(last)
    code = 0
    if not asked.report:
        fresh = asked.out / "fresh.json"
        code = measure(asked, fresh)
        new = read(fresh)
        if new is None:
            return code or 1
        fresh.unlink()
        slim(new)
        for case in (case for cases in rows_of(new).values() for case in cases):
            sys.stdout.write(figures(case) + "\n\n")
        results = merged(results, new)
        last.write_text(json.dumps(results, indent=1) + "\n")
    if results is None:
        sys.stderr.write("no results yet: run `make bench` first\n")
        return 1
    moves = changes(before, results)
    write(asked.out, results, moves)
    if asked.out == REPORT:
        reported = "\n\n".join([table(results), *notes(results), heads(results)])
        write_between(PERFORMANCE, "targets", reported)
    sys.stdout.write(f"{moved(moves)}\n\nreport: {asked.out / 'index.html'}\n")
    return code


def measure(asked: argparse.Namespace, results: Path) -> int:
    """Run the benchmarks into a file of pytest-benchmark's JSON."""
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE / "rows")]
    command += ["--scale", asked.scale, f"--benchmark-json={results}", "--benchmark-quiet", "-s"]
    command += ["-k", asked.only] if asked.only else []
    command += [f"--minutes={asked.minutes}"] if asked.minutes else []
    command += [f"--calls={asked.calls}"] if asked.calls else []
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
    parser.add_argument("--calls", type=int, help="of the soak; else half of what is carried")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--against", type=Path, help="results to compare with, not the last run's")
    parser.add_argument("--gate", action="store_true", help="judge by benches/gate/limits.toml")
    parser.add_argument("--record", action="store_true", help="with --gate: write the counts there")
    parser.add_argument("--out", type=Path, help="folder of the report")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
