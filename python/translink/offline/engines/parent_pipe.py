"""The child's side of one engine in a process of its own; the parent's is `engine_process`.

Requests come by standard input: one letter, a 32-bit length, a payload. An answer leaves by standard output:
a 32-bit length and what it is. The end of standard input, in the middle of a request too, is the end.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator


class ParentPipe:
    """Standard input and output of this process. Make one before a library can print anything."""

    def __init__(self) -> None:
        self._requests = sys.stdin.buffer
        self._answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # whatever a library prints must not get between the answers

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Letter and payload of each request, until the parent is gone."""
        while len(head := self._requests.read(5)) == 5:
            letter, length = struct.unpack("<cI", head)
            payload = self._requests.read(length)
            if len(payload) < length:
                return
            yield letter, payload

    def answer(self, body: bytes) -> None:
        """The answer to the newest request."""
        self._answers.write(struct.pack("<I", len(body)) + body)
        self._answers.flush()
