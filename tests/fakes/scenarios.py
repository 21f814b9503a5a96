"""The scripted sequences of `../shared/protocols/data/derived/scenarios`, in order of time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LISTEN = "protocols/data/derived/scenarios/deepgram-listen-v1.json"
FLUX = "protocols/data/derived/scenarios/deepgram-listen-v2.json"


@dataclass(frozen=True)
class Step:
    """Something one side does at `at` seconds."""

    at: float
    by_client: bool
    kind: str
    """`binary`, `text` or `close`."""
    binary: bytes = b""
    message: dict[str, object] | None = None
    code: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Scenario:
    name: str
    turns: list[str]
    steps: list[Step]


def names(shared: Path, file: str = LISTEN) -> list[str]:
    """Of all scenarios; empty where the shared folder is absent."""
    path = shared / file
    if not path.exists():
        return []
    return [item["name"] for item in json.loads(path.read_text())["scenarios"]]


def load(shared: Path, name: str, file: str = LISTEN) -> Scenario:
    listed = json.loads((shared / file).read_text())["scenarios"]
    item = next(item for item in listed if item["name"] == name)
    steps = [step for event in item["events"] for step in _steps(event)]
    return Scenario(name, item["expected_turns"], sorted(steps, key=lambda step: step.at))


def _steps(event: dict[str, object]) -> Iterator[Step]:
    at = float(str(event["t_ms"])) / 1000
    mine = event["dir"] == "c2s"
    match event["kind"]:
        case "binary":
            size = int(str(event["bytes_each"]))
            until = float(str(event.get("until_ms", 0))) / 1000
            every = float(str(event.get("every_ms", 20))) / 1000
            count = max(1, round((until - at) / every))
            for n in range(count):
                yield Step(at + n * every, mine, "binary", binary=b"\x01\x00" * (size // 2))
        case "text":
            yield Step(at, mine, "text", message=event["json"])  # type: ignore[arg-type]
        case "close":
            code, reason = int(str(event["code"] or 1005)), str(event["reason"])
            yield Step(at, mine, "close", code=code, reason=reason)
