"""All benchmarks by one command, and what they say: `make bench`, `make bench ARGS="-k ingest"`.

python -m benches                    # the quick form of every row, a few minutes
python -m benches --full             # for the record: longer runs, more repeats, more steps
python -m benches -k "ingest and 400"    # only these, as pytest selects
python -m benches --report           # the last results once more, nothing is measured
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benches.kit.native import ROOT
from benches.reporting.text import figures

HERE = ROOT / "benches"


def main() -> int:
    """Measure, report. The exit code is pytest's."""
    parser = argparse.ArgumentParser(prog="benches", description=__doc__.partition("\n")[0])
    form = parser.add_mutually_exclusive_group()
    for scale in ("smoke", "quick", "full"):
        form.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale)
    parser.add_argument("-k", dest="only", default="", help="as in pytest")
    parser.add_argument("--minutes", type=float, help="of the soak, instead of the form's")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder of the report")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    results = asked.out / "last.json"
    more = ["-k", asked.only] if asked.only else []
    more += [f"--minutes={asked.minutes}"] if asked.minutes else []
    code = measure(asked.scale or "quick", more, results)
    sys.stdout.write(figures(json.loads(results.read_text())))
    return code


def measure(scale: str, more: list[str], results: Path) -> int:
    """Run the benchmarks into a file of pytest-benchmark's JSON."""
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE / "rows")]
    command += ["--scale", scale, f"--benchmark-json={results}", "--benchmark-quiet", "-s", *more]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment["TRANSLINK_BENCH_COMMAND"] = " ".join(["python -m benches", *sys.argv[1:]])
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def results_of(path: Path) -> dict[str, Any]:
    """Results as pytest-benchmark wrote them."""
    read: dict[str, Any] = json.loads(path.read_text())
    return read


if __name__ == "__main__":
    sys.exit(main())
