"""What a node says of itself, as it is written and read."""

from __future__ import annotations

import pytest

from tests.placement.test_memory import node
from translink.placement.announcement import read, written


def test_what_is_written_is_read() -> None:
    assert read(written(node("berlin-2-3f9c"))) == node("berlin-2-3f9c")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"[]",
        b"{}",
        b"\xff",
        written(node("a.b")),
        written(node("a>")),
        written(node("")),
        written(node("a", -1)),
        written(node("a", 10**9)),
        written(node("a", running=-1)),
        written(node("a")).replace(b'"capacity":50', b'"capacity":"many"'),
        written(node("a")).replace(b'"capacity":50', b'"capacity":1e999'),
    ],
)
def test_what_nobody_of_us_wrote_is_passed_over(body: bytes | None) -> None:
    assert read(body) is None
