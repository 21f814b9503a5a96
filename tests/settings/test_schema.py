"""The JSON Schema of `translink.toml`: what the loader takes, it takes; what is misspelt, it refuses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.paths import ROOT
from tests.test_cli import run
from translink.settings.load import DEFAULTS
from translink.settings.schema import schema


@pytest.fixture(scope="module")
def validator() -> Any:
    made = schema()
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


def wrongs(validator: Any, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


def test_every_example_of_the_manual_is_right(validator: Any) -> None:
    examples = [
        (path.name, block)
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
        for block in re.findall(r"```toml\n(.*?)```", path.read_text(), re.DOTALL)
    ]
    assert len(examples) >= 8
    for name, block in examples:
        # Some show a part of a leg.
        wrong = [each for each in wrongs(validator, block) if "required" not in each]
        assert wrong == [], f"{name}:\n{block}"
    assert list(validator.iter_errors(DEFAULTS)) == []


@pytest.mark.parametrize(
    "text",
    [
        'mode = "auto"\nlisten = "deepgram, openai"',
        '[[legs]]\nname = 3333\nlanguage = "en"\nlisten = 6120\nplay_to = "[::1]:6121"',
        '[[legs]]\nname = "a"\nlanguage = "en"\nsource = ["192.0.2.1", "192.0.2.2:4000"]',
        '[[legs]]\nname = "a"\nlanguage = "en"\nsource = "first"',
        "[deepgram]\nendpointing = false",
        "[deepgram]\nendpointing = 300",
        '[admin]\ntoken = "file:/run/token"\nallowed_hosts = ["a.example"]',
        "[lag]\ncurve = [[0, 1.0], [4, 1.2]]",
    ],
)
def test_what_may_be_written_passes(validator: Any, text: str) -> None:
    assert wrongs(validator, text) == []


@pytest.mark.parametrize(
    "text",
    [
        'mode = "fast"',
        "[admin]\nport = 99999",
        "[admin]\nprot = 3020",
        '[[legs]]\nname = "a"',
        '[[legs]]\nname = "a"\nlanguage = "en"\nlisten = "host:port"',
        "[drain]\nlimit = -1",
    ],
)
def test_what_is_wrong_does_not(validator: Any, text: str) -> None:
    assert wrongs(validator, text)


def test_every_setting_says_what_it_means() -> None:
    made = schema()
    silent = [
        f"{name}.{field}"
        for name, shape in [("Settings", made), *made["$defs"].items()]
        for field, value in shape.get("properties", {}).items()
        if "description" not in value and "allOf" not in value and "$ref" not in value
    ]
    # Sections, which describe themselves.
    assert [each for each in silent if not each.startswith("Settings.")] == []


def test_the_command_prints_it(tmp_path: Path) -> None:
    done = run("settings", "--schema", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"$schema"' in done.stdout.splitlines()[1]
    shown = run("settings", "--set", "admin.port=3999", cwd=tmp_path)
    assert '"port": 3999' in shown.stdout
