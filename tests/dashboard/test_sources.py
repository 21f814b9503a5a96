"""What the page is made of, read as text."""

from __future__ import annotations

import importlib.resources
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from translink.admin.panel.event_types import EVENT_TYPES

STATIC = importlib.resources.files("translink.admin") / "static"
FILES = {
    item.name: item.read_text(encoding="utf-8")
    for item in sorted(STATIC.iterdir(), key=lambda item: item.name)
}
MODULES = [name for name in FILES if name.endswith(".js")]
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    r"|srcdoc|DOMParser|setHTMLUnsafe"
)
LONGEST = 400
ALLOWED = "http://www.w3.org/2000/svg"
"""A name, not an address."""


@pytest.mark.parametrize("name", MODULES)
def test_no_text_becomes_markup(name: str) -> None:
    assert not MARKUP.search(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    assert not re.search(r"https?://\w|@import|url\(", FILES[name].replace(ALLOWED, ""))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_stays_small(name: str) -> None:
    assert FILES[name].startswith("// "), "theory of operation first"
    assert len(FILES[name].splitlines()) <= LONGEST


@pytest.mark.parametrize("name", MODULES)
def test_every_module_that_is_needed_is_there(name: str) -> None:
    for wanted in re.findall(r'from "\./([^"]+)"', FILES[name]):
        assert wanted in FILES


def test_every_event_of_the_journal_is_of_a_kind_that_can_be_chosen() -> None:
    kinds = FILES["events.js"].partition("const KINDS = {")[2].partition("};")[0]
    chosen = set(re.findall(r'"(\w+)"', kinds))
    assert chosen == set(EVENT_TYPES) - {"interim"}, "what is being said is no line of the log"


def test_the_types_in_the_comments_hold() -> None:
    tsc = shutil.which("tsc")
    if tsc is None:
        pytest.skip("no tsc here; by hand: npx -p typescript tsc -p tests/dashboard/jsconfig.json")
    config = Path(__file__).with_name("jsconfig.json")
    done = subprocess.run([tsc, "-p", config], capture_output=True, text=True, timeout=25)
    assert done.returncode == 0, done.stdout


def test_nothing_is_left_over() -> None:
    text = "\n".join(FILES.values())
    unused = [
        name for name in FILES if name not in ("index.html", "talk.html") and name not in text
    ]
    assert not unused
