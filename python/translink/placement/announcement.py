"""How a node is written in the store, and read again."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Final

import orjson

from translink.placement.protocol import Node

NODE_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?"
"""Of a node: also a key of the store, part of an address and the beginning of calls' names."""
LARGEST_NODE: Final = 100_000
"""Calls that a node may say to take; more is not believed."""


def written(node: Node) -> bytes:
    """The announcement as JSON."""
    return orjson.dumps(asdict(node))


def read(body: bytes | None) -> Node | None:
    """What was written, or None for what nobody of us wrote."""
    try:
        fields = orjson.loads(body or b"")
        node = Node(
            name=str(fields["name"]),
            url=str(fields["url"]),
            capacity=int(fields["capacity"]),
            running=int(fields["running"]),
            busy=float(fields["busy"]),
            accepts=fields["accepts"] is True,
            began=float(fields["began"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    fits = 0 <= node.capacity <= LARGEST_NODE and node.running >= 0
    return node if fits and re.fullmatch(NODE_NAME, node.name) else None
