"""The table of protections fits the sources, and docs/security.md names what is in it.

Whether the tests fail when a protection is taken away is tried by `tools/mutate-guards`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.mutations import MUTATIONS, Mutation, table
from tests.support.paths import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.protection)
def test_a_protection_is_where_the_table_says_and_has_its_test(mutation: Mutation) -> None:
    source = (ROOT / "python" / "translink" / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1, mutation.old
    parts = shlex.split(mutation.tests)
    files = [part for part in parts if part.startswith("tests/")]
    (name,) = parts[parts.index("-k") + 1 :]
    tests = [test for file in files for test in _tests_of(ROOT / file)]
    for word in re.split(r" or ", name):
        assert any(word in test for test in tests), word


def test_the_manual_lists_them_all() -> None:
    manual = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert table() in manual, "run tools/mutate-guards --write"


def test_no_protection_is_there_twice() -> None:
    names = [mutation.protection for mutation in MUTATIONS]
    assert len(set(names)) == len(names)


def _tests_of(path: Path) -> list[str]:
    return re.findall(
        r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
