"""What a child that hears or speaks is sent, and answers."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

ECHO = """
from translink.offline.engines.parent_pipe import ParentPipe
pipe = ParentPipe()
print("a library's banner", flush=True)
for letter, payload in pipe:
    pipe.answer(letter + payload)
"""


def answered(sent: bytes) -> bytes:
    """All that a child says to this before it ends."""
    done = subprocess.run(
        [sys.executable, "-c", ECHO], input=sent, capture_output=True, timeout=30, check=True
    )
    assert b"banner" in done.stderr
    return done.stdout


def request(letter: bytes, payload: bytes) -> bytes:
    return struct.pack("<cI", letter, len(payload)) + payload


def test_each_request_has_its_answer_and_nothing_gets_between_them() -> None:
    said = answered(request(b"A", b"\0" * 70_000) + request(b"F", b""))
    assert said == struct.pack("<I", 70_001) + b"A" + b"\0" * 70_000 + struct.pack("<I", 1) + b"F"


@pytest.mark.parametrize("cut", [1, 4, 5, 8])
def test_a_request_that_is_cut_off_ends_it_unanswered(cut: int) -> None:
    whole = request(b"F", b"audio")
    assert answered(whole + whole[:cut]) == struct.pack("<I", 6) + b"Faudio"
