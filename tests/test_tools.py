"""The scripts in tools/: what they tell a new user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

UTILITIES = "bash env sed sort head tail cut grep basename dirname printf cat tr sleep"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder of programs: a Debian without Rust and compiler, whose user is not root and has no
    sudo."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in UTILITIES.split():
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    _script(programs / "id", "echo 1000")
    _script(programs / "apt-get", "echo 'E: are you root?'; exit 100")
    _script(programs / "apt-cache", "exit 0")
    return programs


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


def machine(programs: Path, lists: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tools" / "machine", *arguments],
        env={
            "PATH": str(programs),
            "CARGO_HOME": "/nowhere",
            "LTS_RUST": "/nowhere",
            "APT_LISTS": str(lists),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_without_package_lists_a_user_is_asked_to_fetch_them(bare: Path, tmp_path: Path) -> None:
    """Nobody can say then what the distribution has, so nobody says that it has none."""
    done = machine(bare, tmp_path, "need", "build")
    assert done.returncode == 1
    assert "please run, as root:  apt-get update\n" in done.stderr
    assert "has none" not in done.stderr.replace("this machine has none", "")


def test_with_package_lists_a_user_learns_what_to_install(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror_Packages").touch()
    _script(bare / "apt-cache", 'if [ "$2" = cargo ]; then echo "  Candidate: 1.85.0"; fi')
    done = machine(bare, tmp_path, "need", "build")
    assert done.returncode == 1
    assert "please run, as root:  apt-get install -y --no-install-recommends cargo" in done.stderr


def test_a_watched_command_tells_how_it_ended_and_how_long_it_took(tmp_path: Path) -> None:
    def watch(command: str) -> subprocess.CompletedProcess[str]:
        words = ("watch", "trying (a moment)", str(tmp_path / "log"), "bash", "-c", command)
        return subprocess.run(
            [ROOT / "tools" / "machine", *words],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    well = watch("echo unimportant")
    assert (well.returncode, well.stderr.count("\n")) == (0, 2)
    assert "translink: trying: done in " in well.stderr
    assert "unimportant" not in well.stderr
    ill = watch("echo the reason; exit 7")
    assert ill.returncode == 7
    assert "the reason\n" in ill.stderr
    assert "translink: trying: failed after " in ill.stderr


def test_the_checkout_may_lie_in_a_path_with_a_space(tmp_path: Path) -> None:
    """`make -n` shows the commands: none may be cut at the space."""
    make = shutil.which("make")
    assert make is not None, "the README says that make must be there"
    folder = tmp_path / "with a space"
    folder.mkdir()
    for name in ("Makefile", "tools", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    for target in ("develop", "loom"):
        done = subprocess.run(
            [make, "--no-print-directory", "-n", "-C", folder, target],
            env={key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        bare = done.stdout.replace(f'"{folder.resolve()}', '"').replace(f'"{folder}', '"')
        assert "with a space" not in bare, bare


def test_fresh_says_what_it_can_and_refuses_what_it_cannot() -> None:
    def fresh(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "tools" / "fresh", *arguments],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    assert {"debian-12", "debian-13", "ubuntu-24.04"} <= set(fresh("--list").stdout.split())
    wrong = fresh("--systems", "plan-9")
    assert wrong.returncode == 2
    assert "plan-9: none of debian-12" in wrong.stderr


def test_the_licences_of_all_that_is_linked_go_with_it() -> None:
    done = subprocess.run(
        [
            *(ROOT / "tools" / "machine", "rust", sys.executable),
            *(ROOT / "tools" / "third-party-licences", "--check"),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_workflows_use_what_was_looked_at_and_nothing_newer() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for line in workflow.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                assert re.search(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d", line), line


def test_what_makes_a_release_says_what_it_can_make() -> None:
    script = ROOT / ".ci" / "release"
    done = subprocess.run([script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2
    for what in ("wheel TARGET TAG", "sdist", "sbom"):
        assert what in done.stderr
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\.ci/release (\w+)", workflow)) == {"wheel", "sdist", "sbom"}
