"""What is loaded when, and what the garbage collector is kept from."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from translink.process.startup import quick_imports

HEAVY = {"aiohttp", "asyncio", "pydantic", "prometheus_client", "rich", "structlog", "typer"}
HEAVY |= {"uvloop", "websockets"}


OF_OTHERS = {"rich", "pygments", "pocketsphinx", "numpy", "nats", "opentelemetry", "cryptography"}
"""What a server needs with some settings only, or never."""
MOST_OF_A_SERVER = 800
"""Modules: 733 on Python 3.11. What makes it more costs every start of every process: 0.5 ms each."""
MOST_OF_AN_ORDER = 350
"""Likewise of `translink status`: 316."""


def all_loaded(statement: str) -> set[str]:
    """Modules that a fresh interpreter has after `statement`."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    return set(printed(script).split())


def loaded(statement: str) -> set[str]:
    """Their top-level packages."""
    return {name.split(".")[0] for name in all_loaded(statement)}


def loaded_by_program(module: str, *arguments: str) -> set[str]:
    """Modules that `python -m module arguments` has at its end."""
    script = (
        "import runpy, sys\n"
        "from translink.process import ending\n"
        "ending.leave = lambda *_: print('modules:', *sys.modules) or sys.exit()\n"
        f"sys.argv[1:] = {arguments!r}\n"
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return set(printed(script).rpartition("modules: ")[2].split())


def printed(script: str) -> str:
    """What it writes; it has no standard input."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_package_itself_loads_nothing_but_its_core() -> None:
    assert loaded("import translink").isdisjoint(HEAVY)


def test_the_package_is_there_soon() -> None:
    """The best of three against the best of three: an interpreter's own start is not ours. The target is a
    tenth of a second on an idle machine (docs/performance.md); beside other tests it may be more."""

    def best(statement: str) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, timeout=100)
            times.append(time.perf_counter() - began)
        return min(times)

    assert best("import translink") - best("pass") < 1.0


SERVER = """
from translink.process.startup import quick_imports
with quick_imports():
    from translink import log, serving
    from translink.settings.model import Settings
"""


def test_a_server_loads_no_terminal_library_and_no_local_engine() -> None:
    got = all_loaded(SERVER)
    assert {"aiohttp", "structlog", "websockets"} <= got
    assert got.isdisjoint(OF_OTHERS)
    ours = {name for name in got if name.startswith("translink.")}
    elsewhere = ("fleet", "face", "workers", "replay", "sim", "callers", "offline.run")
    assert not [
        name for name in ours for one in elsewhere if f"{name}.".startswith(f"translink.{one}.")
    ]
    assert len(got) < MOST_OF_A_SERVER


def test_a_worker_loads_no_more_than_a_server() -> None:
    """It hears nothing here: its standard input has ended."""
    got = loaded_by_program("translink.workers")
    assert "translink.app" in got
    assert got.isdisjoint(OF_OTHERS)
    assert len(got) < MOST_OF_A_SERVER


def test_an_order_to_a_server_loads_no_server() -> None:
    got = loaded_by_program("translink", "status", "--url", "http://127.0.0.1:9")
    assert "translink.commands.control" in got
    assert got.isdisjoint((HEAVY | OF_OTHERS) - {"pydantic", "typer"})
    assert len(got) < MOST_OF_AN_ORDER


def test_a_check_loads_nothing_that_it_does_not_ask() -> None:
    got = loaded_by_program("translink", "check", "--json")
    assert "translink.commands.check" in got
    assert got.isdisjoint(OF_OTHERS)


def test_rich_can_be_had_afterwards() -> None:
    assert "rich" in loaded(SERVER + "from rich.console import Console")


def test_the_first_thing_a_server_imports_is_the_quick_start() -> None:
    """An import of structlog before would have loaded rich with it."""
    cli = loaded("import translink.cli")
    assert cli.isdisjoint({"structlog", "rich", "aiohttp", "pydantic"})


def test_the_collector_is_as_it_was_after_quick_imports() -> None:
    assert gc.isenabled()
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_import_that_fails_leaves_nothing_behind() -> None:
    before = sys.modules.get("rich")
    with pytest.raises(ImportError), quick_imports():
        import no_such_module  # type: ignore[import-not-found] # noqa: F401
    assert sys.modules.get("rich") is before
    assert gc.isenabled()


def test_a_server_is_ready_soon(tmp_path: Path) -> None:
    """The target is half a second on an idle machine (`docs/performance.md`); here, where other
    tests and compilers run beside it, only a start that hangs or loads the offline engines fails."""
    (tmp_path / "translink.toml").write_text(
        '[admin]\nport = 0\n[deepgram]\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'
        '[deepl]\napi_key = "k"\nserver_url = "http://127.0.0.1:9"\n'
        '[[legs]]\nname = "a"\nlanguage = "en"\nlisten = 0\nplay_to = 9\n'
        '[[legs]]\nname = "b"\nlanguage = "fr"\nlisten = 0\nplay_to = 10\n'
    )
    environ = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    began = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "-m", "translink", "serve"],
        cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stderr is not None
    try:
        lines = []
        for line in server.stderr:
            lines.append(line)
            if "ready" in line:
                break
        took = time.monotonic() - began
    finally:
        server.terminate()
        server.stderr.close()
        server.wait(60)
    assert "ready" in lines[-1], "".join(lines)
    assert took < 100.0
