"""The wheel, as a user gets it: in an empty environment, outside the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import translink
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release wheel; cargo's target folder makes it a matter of seconds the second time."""
    maturin = Path(sys.executable).with_name("maturin")
    machine = ROOT / "tools" / "machine"
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        ["nice", machine, "rust", maturin, "build", "--release", "-q", "--out", out],
        cwd=ROOT,
        env={"CARGO_TARGET_DIR": str(ROOT / "target"), **os.environ},
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment. Without pip of its own, which is most of the time of making one."""
    made = tmp_path_factory.mktemp("empty") / "venv"
    _done(sys.executable, "-m", "venv", "--without-pip", str(made))
    return made


@pytest.fixture(scope="module")
def with_keys(wheel: Path, venv: Path) -> Path:
    """`translink` as those who have keys install it: from the wheel."""
    return _installed(str(wheel), venv)


@pytest.fixture(scope="module")
def translink_command(wheel: Path, with_keys: Path, venv: Path) -> Path:
    """`translink` with the local engines: the wheel and its extra `offline`, added to the rest."""
    return _installed(f"{wheel}[offline]", venv)


def _installed(what: str, venv: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(venv))
    _done(*pip, "install", "-q", "--no-compile", what)
    return venv / "bin" / "translink"


def _done(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stderr


def test_one_wheel_serves_every_python_from_3_11_on(wheel: Path) -> None:
    assert re.fullmatch(
        rf"translink-{re.escape(translink.__version__)}-cp311-abi3-\w+\.whl", wheel.name
    )


def test_the_wheel_holds_what_is_needed_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "translink/py.typed",
        "translink/_core.pyi",
        "translink/admin/static/index.html",
        "translink/admin/static/main.js",
        "translink/offline/phrasebook.tsv",
    ):
        assert needed in names
    info = f"translink-{translink.__version__}.dist-info"
    assert f"{info}/licenses/THIRD-PARTY-LICENSES.txt" in names
    assert f"{info}/sboms/translink-python.cyclonedx.json" in names
    assert len([name for name in names if name.endswith(".so")]) == 1
    strange = [
        name
        for name in names
        if not name.startswith(("translink/", f"translink-{translink.__version__}.dist-info/"))
        or "__pycache__" in name
        or name.endswith((".wav", ".rs", ".toml"))
    ]
    assert strange == []


def test_the_installed_command_tells_its_version(with_keys: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [with_keys, "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout == f"translink {translink.__version__}\n"


def test_the_recogniser_is_an_extra_that_is_named_where_it_is_missing(
    with_keys: Path, tmp_path: Path
) -> None:
    """114 MB that those with keys need not have."""
    python = with_keys.with_name("python")
    there = subprocess.run([python, "-c", "import pocketsphinx"], capture_output=True, check=False)
    assert there.returncode == 1
    ports = [f"--set=legs.{leg}.listen=127.0.0.1:0" for leg in ("3333", "4444")]
    for arguments, code in (
        (("serve", "--admin-port", "0", *ports), 2),
        (("demo", "--seconds", "5"), 2),
        (("offline", "--check"), 1),
    ):
        done = subprocess.run(
            [with_keys, *arguments],
            cwd=tmp_path,
            env={key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        reported = done.stdout + done.stderr
        assert (done.returncode, "Traceback" in reported) == (code, False), reported
        assert "pip install 'translink[offline]'" in reported


def test_the_installed_server_translates_a_call(translink_command: Path, tmp_path: Path) -> None:
    """Without keys: what flite says to 3333 in English is heard at 4444's ear in French."""
    for program in ("flite", "espeak-ng"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine: make test installs it")
    said, heard = tmp_path / "said.wav", tmp_path / "heard.wav"
    sentence = "Good morning. How are you?"
    flite = ["flite", "-voice", "slt", "-t", sentence, "-o", str(said)]
    subprocess.run(flite, check=True, timeout=100)
    with _serving(translink_command, tmp_path) as (url, microphone, ear):
        call = [str(translink_command), "call", "--to", microphone, "--ear", ear, "--json"]
        call += ["--play", str(said), "--record", str(heard), "--seconds", "40"]
        done = subprocess.run(
            call, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr + (tmp_path / "serve.log").read_text()
        assert json.loads(done.stdout)["heard_seconds"] > 0.5
        with urllib.request.urlopen(url + "/api/stats", timeout=5) as answer:
            totals = json.load(answer)["totals"]
        assert totals["datagrams_in"] > 0
        assert totals["stt"]["frames_sent"] > 0
    assert heard.stat().st_size > 44


@contextmanager
def _serving(command: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    """A server without keys on free ports. Yields its URL, 3333's microphone, 4444's ear."""
    admin, *audio = _free_ports(5)
    legs = dict(zip(("3333", "4444"), (audio[:2], audio[2:]), strict=True))
    settings = [
        argument
        for name, (listen, play_to) in legs.items()
        for field, port in (("listen", listen), ("play_to", play_to))
        for argument in ("--set", f"legs.{name}.{field}=127.0.0.1:{port}")
    ]
    log = folder / "serve.log"
    empty = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [command, "serve", "--admin-port", str(admin), *settings],
            cwd=folder,
            env=empty,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{admin}"
        deadline = time.monotonic() + 60
        while not _is_ready(url):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url, f"127.0.0.1:{legs['3333'][0]}", f"127.0.0.1:{legs['4444'][1]}"
        server.terminate()
        assert server.wait(20) == 0, log.read_text()
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports: list[int] = []
    for each in sockets:
        with closing(each):
            ports.append(each.getsockname()[1])
    return ports
