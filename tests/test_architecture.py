"""The house keeps its shape: one direction of dependencies, pure files pure, files small.

Read from the sources, not from the running program, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.paths import ROOT

PACKAGE = ROOT / "python" / "translink"

BASE = frozenset(
    {
        "translink",
        "_core",
        "errors",
        "results",
        "text",
        "audio",
        "credentials",
        "log",
        "trust",
    }
)
"""Modules at the root that every folder may import."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    folder: BASE | frozenset(others.split())
    for folder, others in {
        "process": "",
        "settings": "",
        "observe": "settings process",
        "placement": "",
        "observe/postmortem": "observe",
        "providers": "observe process",
        "providers/deepgram": "providers",
        "providers/elevenlabs": "providers",
        "providers/openai": "providers",
        "media": "settings process",
        "recognition": "providers process",
        "calls": "recognition providers observe settings process media",
        "recording": "calls recognition providers observe settings process",
        "pbx": "calls observe settings media",
        "admin/http": "",
        "admin/access": "admin/http settings",
        "admin/panel": "calls providers observe settings process",
        "admin/routes": "admin/http admin/access admin/panel calls observe observe/postmortem"
        " settings process",
        "admin": "admin/http admin/access admin/panel admin/routes settings",
        "face": "admin admin/access admin/http admin/panel admin/routes observe placement process settings",
        "offline/engines": "process",
        "offline": "offline/engines settings process",
        "callers": "settings process",
        "sim": "callers offline offline/engines",
        "sim/talk": "callers offline offline/engines sim",
        "wiring": "offline offline/engines calls recognition providers providers/deepgram"
        " providers/elevenlabs providers/openai observe process settings",
        "commands": "wiring pbx offline/engines admin/access calls providers observe observe/postmortem"
        " recording settings process media",
        "fleet": "face placement wiring admin admin/http admin/panel admin/routes calls observe process settings",
        "app": "fleet commands pbx recording wiring admin admin/panel calls providers observe settings process media",
        "serving": "app commands wiring settings process",
        "workers": "serving admin/access admin/routes commands face observe placement process settings wiring",
        "replay": "app callers commands recording settings process",
        "cli": "commands replay serving workers offline callers sim sim/talk settings process",
        "__main__": "cli process",
    }.items()
}
"""What each folder may import besides itself, read from the top down: nothing imports upward.

A root module that is not in `BASE` is a row of its own. A new folder needs a row here: choosing it
is part of writing it. `callers` and `sim` meet the rest on the wire; only `wiring` names concrete
providers; providers know nothing of each other.
"""
BASE_MAY_IMPORT = {
    "audio": {"_core", "results"},
    "credentials": {"errors"},
    "log": {"errors"},
}

COVERED_BY = {
    "admin.access.headers": "admin/access/test_guard",
    "admin.access.noise": "admin/access/test_guard",
    "admin.http.responses": "admin/access/test_guard",
    "admin.http.route": "admin/access/test_roles",
    "admin.routes.calls": "test_api",
    "admin.routes.legs": "test_api",
    "admin.routes.page": "dashboard/test_page",
    "admin.routes.requests": "test_contract",
    "admin.routes.system": "test_contract",
    "admin.routes.postmortems": "test_explained",
    "admin.routes.talk": "admin/http/test_handover",
    "admin.routes.ticker": "admin/routes/test_live",
    "callers.dialogue": "callers/test_demo",
    "callers.server_process": "sim/test_programs",
    "callers.summary": "callers/test_demo",
    "callers.display": "callers/test_demo",
    "calls.account": "calls/test_line",
    "calls.being_said": "calls/test_speaker",
    "calls.direction": "calls/test_interpreter",
    "commands.deploy": "test_cli",
    "commands.log_settings": "test_workers",
    "commands.machine_check": "commands/test_live_check",
    "commands.named": "test_cli",
    "commands.no_effect": "test_cli",
    "commands.options": "test_cli",
    "commands.printing": "commands/test_control",
    "admin.panel.leg_metrics": "admin/panel/test_metrics",
    "calls.announcing": "calls/test_notice",
    "calls.leg": "calls/test_switchboard",
    "calls.measures": "calls/test_totals",
    "calls.shortage": "calls/test_exchange",
    "calls.recorded": "recording/test_recorder",
    "recording.file": "recording/test_store",
    "recording.transcript": "recording/test_recorder",
    "recording.opening": "recording/test_recorder",
    "recording.reader": "commands/test_recordings",
    "recording.recording": "recording/test_recorder",
    "replay.command": "replay/test_run",
    "replay.prose": "replay/test_run",
    "settings.recording": "settings/test_model",
    "text.language_names": "wiring/test_coverage",
    "observe.dossier": "test_explained",
    "placement.access": "placement/test_nats",
    "placement.connection": "placement/test_nats",
    "placement.roster": "placement/test_memory",
    "observe.postmortem.delay": "observe/postmortem/test_report",
    "observe.postmortem.finding": "observe/postmortem/test_report",
    "observe.postmortem.providers": "observe/postmortem/test_report",
    "observe.postmortem.sound": "observe/postmortem/test_report",
    "observe.postmortem.words": "observe/postmortem/test_report",
    "observe.record": "observe/postmortem/test_report",
    "observe.strain": "test_app",
    "observe.views": "admin/panel/test_exports",
    "recognition.evidence": "recognition/test_finder",
    "recognition.handover": "calls/test_language",
    "recognition.level": "recognition/test_finalizing",
    "recognition.lull": "recognition/test_feed",
    "media.media_leg": "media/test_media",
    "log.flood": "log/test_setup",
    "log.redaction": "log/test_setup",
    "log.rendering": "log/test_setup",
    "log.stream": "log/test_setup",
    "offline.child": "offline/test_run",
    "offline.engines.check": "offline/test_run",
    "offline.engines.decoder": "offline/engines/test_recognizer",
    "offline.engines.decoder_process": "offline/engines/test_recognizer",
    "offline.engines.engine_process": "offline/engines/test_pico",
    "offline.engines.pico_speaker": "offline/engines/test_pico",
    "offline.engines.dictionary": "offline/engines/test_recognizer",
    "offline.engines.punctuation": "offline/engines/test_protocols",
    "offline.engines.synthesizer": "offline/engines/test_protocols",
    "offline.engines.vad": "offline/test_session",
    "offline.engines.whisper_decoder": "offline/engines/test_whisper",
    "offline.admission": "offline/test_server",
    "offline.hooks": "offline/test_live",
    "offline.messages": "offline/test_session",
    "offline.openai": "offline/test_openai_client",
    "offline.prerecorded": "offline/test_http",
    "offline.speak": "offline/test_speak_live",
    "offline.translate": "offline/test_http",
    "pbx.acceptor": "pbx/test_websocket",
    "pbx.ari": "interop/test_asterisk",
    "pbx.captions": "pbx/test_websocket",
    "pbx.wire": "pbx/test_outbound",
    "pbx.census": "pbx/test_controller",
    "pbx.dialled": "pbx/test_controller",
    "pbx.errands": "pbx/test_controller",
    "pbx.line": "pbx/test_controller",
    "pbx.medium": "interop/test_asterisk",
    "pbx.waiting": "interop/test_asterisk",
    "pbx.service": "interop/test_asterisk",
    "providers.billing": "calls/test_metered",
    "providers.deepgram.detection": "providers/deepgram/test_prerecorded",
    "providers.openai.endpoint": "providers/openai/test_translate",
    "providers.openai.prompt": "providers/openai/test_translate",
    "providers.protocols": "providers/test_lineup",
    "providers.vendor": "wiring/test_added_vendor",
    "wiring.vendors": "wiring/test_added_vendor",
    "providers.services": "calls/test_interpreter",
    "recognition.rules": "recognition/test_listener",
    "results": "providers/test_restream",
    "settings.admin": "settings/test_model",
    "settings.cost": "observe/test_usage",
    "settings.explain": "settings/test_model",
    "settings.lag": "settings/test_model",
    "settings.legs": "settings/test_model",
    "settings.load": "settings/test_model",
    "settings.part": "settings/test_model",
    "settings.process": "settings/test_model",
    "settings.prompts": "settings/test_telephony",
    "settings.services": "settings/test_model",
    "settings.speech": "settings/test_model",
    "settings.types": "settings/test_model",
    "settings.detection": "settings/test_auto",
    "settings.vendors": "settings/test_model",
    "settings.webhook": "observe/test_webhooks",
    "settings.websocket": "settings/test_telephony",
    "sim.garbage": "sim/test_testbed",
    "sim.observations": "sim/test_testbed",
    "sim.script": "sim/test_testbed",
    "sim.talk.ear": "sim/talk/test_chords",
    "sim.talk.marks": "sim/talk/test_recognizer",
    "sim.talk.mouth": "sim/talk/test_recognizer",
    "sim.talk.server": "sim/talk/test_run",
    "sim.talk.spelling": "sim/talk/test_engines",
    "sim.talk.words": "sim/talk/test_engines",
    "text.tags": "settings/test_model",
    "admin.guarded": "admin/test_server",
    "face.fan": "face/test_routes",
    "face.peers": "face/test_routes",
    "face.placing": "face/test_routes",
    "face.server": "face/test_routes",
    "face.streams": "face/test_routes",
    "face.bare": "face/test_talks",
    "settings.reloading": "test_workers",
    "serving": "process/test_ending",
    "wiring.endpoints": "test_app",
    "wiring.membership": "test_workers",
    "wiring.preflight": "test_app",
    "workers.berth": "test_workers",
    "workers.worker": "test_workers",
    "wiring.providers": "test_app",
}
"""Modules without a test file of their own to the test that covers them."""

PURE = (
    "pbx.controller",
    "pbx.line",
    "pbx.census",
    "pbx.dialled",
    "pbx.errands",
    "providers.deepgram.protocol",
    "providers.breaker",
    "providers.backoff",
    "providers.pace",
    "providers.pauses",
    "providers.cadence",
    "providers.precedents",
    "providers.abilities",
    "providers.languages",
    "providers.pcm",
    "providers.openai.answer",
    "providers.openai.prompt",
    "calls.segments",
    "recognition.timeline",
    "recognition.languages",
    "recognition.lull",
    "recognition.speech_map",
    "observe.outbox",
    "replay.compare",
    "recording.cipher",
    "recording.transcript",
    "recording.alignment",
    "recording.stereo",
    "observe.emodel",
    "observe.usage",
    "observe.postmortem.delay",
    "observe.postmortem.providers",
    "observe.postmortem.sound",
    "observe.postmortem.words",
    "observe.postmortem.report",
    "observe.hook_messages",
    "process.pressure",
    "placement.ledger",
    "placement.announcement",
    "placement.roster",
    "face.sums",
    "face.exposition",
    "face.screen",
    "workers.split",
    "text.sentences",
    "text.sentence_rules",
    "text.sayable",
    "results",
    "errors",
    "admin.access.roles",
    "admin.access.rate",
    "admin.access.sessions",
    "admin.access.throttle",
)
IMPURE = {"asyncio", "websockets", "aiohttp", "uvloop", "socket", "select", "threading"}
IMPURE |= {"subprocess", "time", "datetime"}

MEASURES_OF_NOTHING = {"PATIENCE", "MOST", "LONGEST", "SHORTEST", "EVERY", "BURST", "SLICE"}
MEASURES_OF_NOTHING |= {"PERIOD", "KEPT", "EDGES", "SWEEP", "MEMORY", "GUARD"}
MEASURES_OF_NOTHING |= {"ANSWER", "AT_ONCE", "BACKLOG", "HOLD", "LIMITS", "LOOK", "MARGIN", "NEAR"}
MEASURES_OF_NOTHING |= {"PAUSE", "PAUSES", "QUIET", "READY", "STEP", "TICK", "TIMEOUT", "TOLERANCE"}
"""Names that say how much and not of what."""
LONGEST_FILE = 480
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
def trees() -> dict[str, ast.Module]:
    """Every module, parsed once."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules().items()}


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every module, ours and others'."""
    return tuple(each for name in modules() for each in _imports_of(name))


def _statements(body: Iterable[ast.AST], eager: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements at any depth, and whether importing the module runs them. Expressions import nothing."""
    for node in body:
        if isinstance(node, ast.stmt):
            yield node, eager
        elif not isinstance(node, (ast.excepthandler, ast.match_case)):
            continue
        runs = eager and not (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        )
        yield from _statements(ast.iter_child_nodes(node), runs)


def _imports_of(name: str) -> Iterator[Import]:
    path = modules()[name]
    for node, eager in _statements(trees()[name].body, True):
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
    """The folder a module lies in, with slashes; a module at the root is a room of its own."""
    path = modules()[module]
    inside = path.parent.relative_to(PACKAGE).as_posix()
    return module.replace(".", "/") if inside == "." else inside


def is_ours(module: str) -> bool:
    return module in modules()


def listed(wrong: list[Import]) -> str:
    return "\n".join(f"{each.importer}:{each.line} imports {each.module}" for each in wrong)


def test_every_folder_has_its_row() -> None:
    assert len(modules()) > 100
    assert {room(module) for module in modules()} == BASE | MAY_IMPORT.keys()


def test_the_table_of_folders_has_no_circle() -> None:
    needs = {folder: set(others) - BASE for folder, others in MAY_IMPORT.items()}
    while ready := {folder for folder, rest in needs.items() if not rest & needs.keys()}:
        for folder in ready:
            del needs[folder]
    assert not needs, f"import circle among {sorted(needs)}"


def test_a_folder_imports_what_its_row_says() -> None:
    wrong = []
    for each in imports():
        if not is_ours(each.module) or room(each.module) == room(each.importer):
            continue
        here = room(each.importer)
        allowed = BASE_MAY_IMPORT.get(here, set()) if here in BASE else MAY_IMPORT[here]
        if room(each.module) not in allowed | {"translink", "_core"}:
            wrong.append(each)
    assert not wrong, listed(wrong)


def test_the_table_allows_nothing_that_is_not_used() -> None:
    used = {(room(i.importer), room(i.module)) for i in imports() if is_ours(i.module)}
    idle = {
        (folder, other)
        for folder, others in MAY_IMPORT.items()
        for other in others - BASE
        if (folder, other) not in used
    }
    assert not idle, f"allowed and not needed: {sorted(idle)}"


def test_every_folder_says_what_it_is_for() -> None:
    for module, path in modules().items():
        if path.name == "__init__.py":
            said = ast.get_docstring(trees()[module]) or ""
            assert 3 <= len(said.splitlines()) <= 6 or module == "translink", path


def test_every_module_has_its_test() -> None:
    tests = ROOT / "tests"
    pieces = [
        name
        for name, path in modules().items()
        if path.suffix == ".py" and path.name not in ("__init__.py", "__main__.py")
    ]
    alone = set()
    for name in pieces:
        *folders, last = name.split(".")
        if not tests.joinpath(*folders, f"test_{last}.py").exists():
            alone.add(name)
    assert alone == COVERED_BY.keys(), "a test file, or its line in COVERED_BY"
    missing = {name for name in COVERED_BY.values() if not (tests / f"{name}.py").exists()}
    assert not missing


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


@pytest.mark.parametrize("module", PURE)
def test_pure_files_touch_neither_sockets_nor_clocks(module: str) -> None:
    path = modules()[module]
    wrong = [i for i in imports() if i.importer == module and i.module.split(".")[0] in IMPURE]
    assert not wrong, listed(wrong)
    assert not re.search(r"\bawait\b|\bsleep\(", path.read_text(encoding="utf-8"))


def test_no_two_classes_share_a_name() -> None:
    """One name, one thing: a reader who has met `Feed` knows which one is meant."""
    places: dict[str, list[str]] = {}
    for folder in (PACKAGE, ROOT / "tests", ROOT / "benches"):
        for path in folder.rglob("*.py"):
            # Parsing the tests takes longer than all else here.
            for name in re.findall(r"^ *class (\w+)", path.read_text(encoding="utf-8"), re.M):
                places.setdefault(name, []).append(str(path.relative_to(ROOT)))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not twice, twice


def test_a_constant_says_what_it_is_of() -> None:
    wrong = [
        f"{module}.{target.id}"
        for module, tree in trees().items()
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.lstrip("_") in MEASURES_OF_NOTHING
    ]
    assert not wrong, f"of what? {wrong}"


def test_no_two_modules_define_the_same_constant() -> None:
    """One name, one thing. What two modules need has one definition, in the lower of their rooms; type
    variables have one letter and mean nothing."""
    places: dict[str, set[str]] = {}
    for module, tree in trees().items():
        for node in tree.body:
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper() and len(target.id) > 1:
                    places.setdefault(target.id.lstrip("_"), set()).add(module)
    twice = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert not twice, twice


def test_files_stay_small() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "rust").glob("*/src/**/*.rs")]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if "target" not in path.parts and (lines := _length(path)) > LONGEST_FILE
    }
    assert not long, f"more than {LONGEST_FILE} lines: {long}"


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


def test_every_test_file_of_the_core_belongs_to_a_program() -> None:
    folder = ROOT / "rust" / "core" / "tests"
    text = (ROOT / "rust" / "core" / "Cargo.toml").read_text(encoding="utf-8")
    programs = [program["name"] for program in tomllib.loads(text)["test"]]
    named = set(re.findall(r"^mod (\w+);", (folder / "main.rs").read_text(encoding="utf-8"), re.M))
    files = {path.stem for path in folder.glob("*.rs")}
    assert files == (named - {"common"}) | {"main"} | set(programs) - {"suite"}


def test_no_file_names_the_machine_it_was_written_on() -> None:
    machine = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "opt/wheels")))
    kinds = {".py", ".pyi", ".rs", ".toml", ".md", ".lock", ".yml", ".sh", ""}
    skipped = {"target", "demo-out", "dist"}
    for folder, inner, files in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in skipped and not is_hidden(name)]
        for path in (Path(folder, name) for name in files if not is_hidden(name)):
            if path.suffix in kinds and path.is_file():
                assert not machine.search(path.read_text(encoding="utf-8", errors="replace")), path


def is_hidden(name: str) -> bool:
    """Also `.git`, `.venv` and caches, which have more files than all else."""
    return name.startswith(".") and name != ".ci"
