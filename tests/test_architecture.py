"""The house keeps its shape: one direction of dependencies, pure files pure, files small.

Read from the sources, not from the running program, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.paths import ROOT

PACKAGE = ROOT / "python" / "translink"

FLOORS: tuple[set[str], ...] = (
    {"translink", "_core", "errors", "events", "quickstart"},
    {"providers", "log", "journal", "stages", "sentences", "views", "usage", "event_types"},
    {"keys", "setting_types", "settings", "setting_errors", "sources"},
    {"transcript", "timeline", "failover", "speech", "languages", "pauses"} | {"pace", "pressure"},
    {"http", "http_errors", "deepgram", "deepl"},
    {"media", "attempts", "voices", "loadmeter"},
    {"feed", "pieces", "listening", "stint", "listener", "services", "lineup", "restream"}
    | {"record", "speaker", "interpreter", "call", "leg", "switchboard", "exchange", "tap"},
    {"metrics", "admin", "offline", "archive", "exports", "tracing"},
    {"app", "console"},
    {"sim", "check"},
    {"cli", "__main__"},
)
"""Rooms of one floor may know each other (without cycles) and everything below, nothing above.

A new module needs a place here: choosing it is part of writing it.
"""

PROVIDERS = frozenset({"deepgram", "deepl"})
PROVIDERS_MAY_KNOW = frozenset(
    {"translink", "events", "errors", "http", "http_errors", "providers"}
)

PURE = (
    "deepgram.protocol",
    "transcript",
    "timeline",
    "failover",
    "sentences",
    "pauses",
    "languages",
    "pace",
    "pressure",
    "speech",
    "events",
    "errors",
    "admin.access",
    "admin.pace",
    "admin.sessions",
    "admin.throttle",
)
IMPURE = {"asyncio", "websockets", "aiohttp", "uvloop", "socket", "select", "threading"}
IMPURE |= {"subprocess", "time", "datetime"}

ORCHESTRATOR = FLOORS[3] | FLOORS[4] | FLOORS[5] | FLOORS[6]
LONGEST = 480
"""The rule is 300; what is longer than this was not looked at a second time."""


class Import(NamedTuple):
    """`importer` needs `module`; `eager` when that happens as soon as it is imported itself."""

    importer: str
    module: str
    line: int
    eager: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name without `translink.`; the package is `translink`."""
    found = {}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.glob("*.pyi")]):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(parts) or "translink"] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every module, ours and others'."""
    return tuple(each for name, path in modules().items() for each in _imports_of(name, path))


def _imports_of(name: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        eager = id(node) not in typing_only and id(node) not in lazy
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, _ours(alias.name), node.lineno, eager)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}".removeprefix("translink.")
                ours = module.split(".")[0] == "translink"
                yield Import(
                    name,
                    inner if ours and inner in modules() else _ours(module),
                    node.lineno,
                    eager,
                )


def _ours(module: str) -> str:
    return module.removeprefix("translink.")


def room(module: str) -> str:
    return module.split(".")[0]


def is_ours(module: str) -> bool:
    return module in modules()


def floor(module: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if room(module) in rooms:
            return number
    raise AssertionError(f"{module} has no floor yet: give it one in FLOORS")


def told(wrong: list[Import]) -> str:
    return "\n".join(f"{each.importer}:{each.line} imports {each.module}" for each in wrong)


def test_every_module_has_its_floor() -> None:
    assert len(modules()) > 20
    for module in modules():
        floor(module)


def test_dependencies_run_one_way() -> None:
    upward = [i for i in imports() if is_ours(i.module) and floor(i.module) > floor(i.importer)]
    assert not upward, told(upward)


def test_no_module_waits_for_itself() -> None:
    needs: dict[str, set[str]] = {name: set() for name in modules()}
    for each in imports():
        if each.eager and is_ours(each.module) and each.module != each.importer:
            needs[each.importer].add(each.module)
    while ready := {name for name, rest in needs.items() if not rest & needs.keys()}:
        for name in ready:
            del needs[name]
    # A package's face may gather its own modules, which may not need the face in turn.
    assert not needs, f"import cycle among {sorted(needs)}"


def test_providers_know_nothing_of_each_other_or_of_the_house() -> None:
    wrong = [
        i
        for i in imports()
        if room(i.importer) in PROVIDERS
        and is_ours(i.module)
        and room(i.module) not in PROVIDERS_MAY_KNOW | {room(i.importer)}
    ]
    assert not wrong, told(wrong)


def test_only_the_app_names_concrete_providers() -> None:
    wrong = [
        i
        for i in imports()
        if room(i.module) in PROVIDERS
        and is_ours(i.module)
        and room(i.importer) not in PROVIDERS | {"app"}
    ]
    assert not wrong, told(wrong)


def test_the_offline_server_and_the_orchestrator_meet_on_the_wire_only() -> None:
    wrong = [
        i
        for i in imports()
        if is_ours(i.module)
        and (
            (room(i.importer) in {"offline", "sim"} and room(i.module) in ORCHESTRATOR)
            or (room(i.importer) in ORCHESTRATOR | {"admin"} and room(i.module) == "offline")
        )
    ]
    assert not wrong, told(wrong)


@pytest.mark.parametrize("module", PURE)
def test_pure_files_touch_neither_sockets_nor_clocks(module: str) -> None:
    path = modules().get(module)
    if path is None:
        pytest.skip(f"{module} is not written yet")
    wrong = [i for i in imports() if i.importer == module and room(i.module) in IMPURE]
    assert not wrong, told(wrong)
    assert not re.search(r"\bawait\b|\bsleep\(", path.read_text(encoding="utf-8"))


def test_files_stay_small() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "rust").glob("*/src/**/*.rs")]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if "target" not in path.parts and (lines := _length(path)) > LONGEST
    }
    assert not long, f"more than {LONGEST} lines: {long}"


def _length(path: Path) -> int:
    """Lines, without a Rust file's tests at its bottom."""
    return len(path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod ")[0].splitlines())


def manifest(crate: str) -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "rust" / crate / "Cargo.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("crate", "must_not_know"),
    [
        (
            "core",
            {"translink-engine", "translink-python", "pyo3", "rustix", "socket2", "quinn-udp"},
        ),
        ("engine", {"translink-python", "pyo3"}),
        ("python", set()),
    ],
)
def test_crates_depend_one_way_and_nothing_awaits(crate: str, must_not_know: set[str]) -> None:
    needs = set(manifest(crate).get("dependencies", {}))
    assert not needs & (must_not_know | {"tokio", "pyo3-async-runtimes", "log", "tracing"})


def test_the_core_is_safe_rust_without_clocks() -> None:
    core = ROOT / "rust" / "core" / "src"
    assert "#![forbid(unsafe_code)]" in (core / "lib.rs").read_text(encoding="utf-8")
    for path in core.rglob("*.rs"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"Instant::now|SystemTime|std::net|std::thread", text), path


def test_no_file_names_the_machine_it_was_written_on() -> None:
    machine = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "opt/wheels")))
    kinds = {".py", ".pyi", ".rs", ".toml", ".md", ".lock", ".yml", ".sh", ""}
    skipped = {"target", ".venv", ".git", "demo-out", "dist"}
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        if path.suffix in kinds and path.is_file() and not skipped & set(inside):
            if any(part.startswith(".") and part != ".ci" for part in inside):
                continue
            assert not machine.search(path.read_text(encoding="utf-8", errors="replace")), path
