"""The command line: what it says, its exit codes, and how fast it is there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import translink
from translink.cli import commands
from translink.commands.named import named
from translink.sim.beacons import CALLERS

COMMANDS = (
    "serve",
    "offline",
    "demo",
    "call",
    "sim",
    "check",
    "status",
    "mode",
    "end",
    "drain",
    "health",
    "settings",
    "init",
)


def run(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an otherwise empty environment."""
    base = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "translink", *arguments],
        cwd=cwd,
        env=base | environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_version_is_the_cores(tmp_path: Path) -> None:
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"translink {translink.__version__}\n")


def test_the_version_does_not_wait_for_providers() -> None:
    heavy = "aiohttp", "pydantic", "structlog", "websockets", "uvloop", "rich"
    script = (
        f"import sys, translink.cli\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "[]\n"


def test_every_command_explains_itself(tmp_path: Path) -> None:
    listed = run("--help", cwd=tmp_path).stdout
    for command in COMMANDS:
        assert f"\n  {command} " in listed
        # In this process: each of its own takes 0.3 s.
        done = CliRunner().invoke(named(commands, [command, "--help"]), [command, "--help"])
        assert done.exit_code == 0
        assert "--help" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("serve", "--mode", "fast"),
            "translink: --mode = 'fast' (command line): should be 'auto'",
        ),
        (("serve", "--set", "admin.prt=1"), "did you mean admin.port?"),
        (("serve", "--config", "gone.toml"), "translink: gone.toml: no such file"),
        (("serve", "--host", "0.0.0.0"), "admin.token"),
        (("serve", "--no-such-flag"), "--no-such-flag"),
        (("no-such-command",), "no-such-command"),
        (("offline", "--port", "99999"), "--port"),
        (("sim", "--calls", str(CALLERS // 2 + 1)), f"less than or equal to {CALLERS // 2}"),
        (("sim", "--longer", "1.25"), "'--longer': is for talks: see --talk"),
        (("sim", "--talk", "gone.json", "--fault", "listen:reset@2"), "'--fault': has no effect"),
    ],
)
def test_wrong_arguments_and_wrong_settings_end_with_2(
    tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_check_shows_settings_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env.externalmedia").write_text("DEEPGRAM_API_KEY=very-secret\nOTHER=1\n")
    done = run("check", "--json", cwd=tmp_path)
    assert "very-secret" not in done.stdout + done.stderr
    assert '"127.0.0.1:6120"' in done.stdout


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root")
@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGUSR1", 138)])
def test_a_containers_first_process_ends_on_a_signal_before_it_serves(
    tmp_path: Path, number: str, code: int
) -> None:
    """The kernel gives process 1 no default action: SIGTERM was ignored for 1.4 s. SIGUSR1 is what
    `docker stop` sends."""
    program = (
        "import os, signal, sys, threading, time\n"
        "from translink import __main__, cli\n"
        "assert os.getpid() == 1\n"
        f"def commands(): os.kill(1, signal.{number}); time.sleep(20)\n"
        "cli.named = lambda *_: commands\n"
        "__main__.main()\n"
    )
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", program]
    began = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    assert done.returncode == code, done.stderr
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_the_list_of_commands_is_whole_on_a_narrow_terminal(tmp_path: Path, columns: str) -> None:
    done = run("-h", cwd=tmp_path, COLUMNS=columns)
    assert done.returncode == 0
    listed = done.stdout.partition("Commands:")[2].splitlines()
    assert len(listed) > 15
    assert not [line for line in listed if line.endswith("...")]


def test_only_the_parser_of_the_command_that_is_named_is_made() -> None:
    (status,) = named(commands, ["status", "--json"]).registered_commands
    assert status.callback is not None
    assert status.callback.__name__ == "status"
    (group,) = named(commands, ["recording", "key"]).registered_groups
    assert group.typer_instance is not None
    every = len(commands.registered_commands)
    for line in ([], ["--help"], ["-h"], ["stats"], [""]):
        assert len(named(commands, line).registered_commands) == every


def test_shells_can_complete_commands(tmp_path: Path) -> None:
    # The shell is named: which one started the tests is not asked.
    done = run(
        "--show-completion", "bash", cwd=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert done.returncode == 0
    assert "complete" in done.stdout


def test_an_interrupt_while_modules_are_imported_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = run("serve", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_check_says_which_languages_the_local_engines_can_do(tmp_path: Path) -> None:
    polish = "--set", "legs.3333.language=pl", "--set", "legs.3333.original=captions"
    done = run("check", *polish, cwd=tmp_path)
    assert "hear and translate en and fr, in set phrases de, es, it too, speak " in done.stdout
    # French can be neither: the other leg's language cannot be translated into it.
    assert "CANNOT WORK     legs in fr, pl: nobody" in done.stdout
    assert "set DEEPGRAM_API_KEY and DEEPL_API_KEY" in done.stdout
    # A call of these legs could only fail, and a script learns it: it was 0.
    assert done.returncode == 2
    assert run("check", *polish, "--json", cwd=tmp_path).returncode == 2
    for line, keys in ((polish, {"DEEPGRAM_API_KEY": "one", "DEEPL_API_KEY": "two"}), ((), {})):
        done = run("check", *line, cwd=tmp_path, **keys)
        assert "CANNOT WORK" not in done.stdout
        assert done.returncode == 0


def test_a_name_in_a_file_drives_no_terminal_by_its_complaint(tmp_path: Path) -> None:
    (tmp_path / "translink.toml").write_text('"x\\u001b[2J\\u202e\\u009b\\u2028y" = 1\n')
    done = run("check", cwd=tmp_path)
    assert done.returncode == 2
    assert all(letter.isprintable() for letter in done.stderr if letter != "\n")
    assert "x\\x1b[2J\\u202e\\x9b" in done.stderr


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("legs.3333.listen", {}),
        ("admin.port", {}),
        ("audiosocket.listen", {}),
        ("websocket.listen", {}),
        ("ari.listen", {"TRANSLINK_ARI__PASSWORD": "a-password"}),
        ("placement.listen", {"TRANSLINK_PLACEMENT__NATS": "nats://127.0.0.1:9"}),
    ],
)
def test_a_port_in_use_is_named_before_any_engine_is_loaded(
    tmp_path: Path, name: str, more: dict[str, str]
) -> None:
    kind = socket.SOCK_DGRAM if name == "legs.3333.listen" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        value = port if name == "admin.port" else f"127.0.0.1:{port}"
        free = ("--set", "legs.4444.listen=127.0.0.1:0", "--set", "legs.3333.listen=127.0.0.1:0")
        wanted = "--set", f"{name}={value}"
        done = run("serve", "--admin-port", "0", *free, *wanted, cwd=tmp_path, **more)
    assert done.returncode == 2
    assert f"translink: {name} = {value}: is " in done.stderr
    assert "local engines" not in done.stderr


def test_colours_are_left_out_where_nobody_wants_them() -> None:
    script = (
        "import io, logging\nfrom translink import log\n"
        "class Terminal(io.StringIO):\n    def isatty(self): return True\n"
        "out = Terminal()\nlog.configure(stream=out, format='console')\n"
        "logging.getLogger('x').warning('hello')\nprint('\\x1b[' in out.getvalue())"
    )
    for environ, coloured in (({}, "True\n"), ({"NO_COLOR": "1"}, "False\n")):
        base = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=base | environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        assert done.stdout == coloured
