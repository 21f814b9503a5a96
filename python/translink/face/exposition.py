"""The texts of several nodes' `/metrics` as one text: pure.

In Prometheus' format a family's name and meaning stand once and its samples together. Each sample gets the
label `node`. Source: "Exposition formats", Text-based format, prometheus.io/docs/instrumenting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_SAMPLE = re.compile(rb"([A-Za-z_:][A-Za-z0-9_:]*)(\{?)")
METRIC_LINES_AT_ONCE = 200
"""A tenth of a millisecond."""


def merged(
    texts: Mapping[str, bytes | None], own: Mapping[str, bytes] | None = None
) -> Iterator[bytes]:
    """Piece by piece, so that others get their turn; some are empty. `texts` by node, None: it did not
    answer, which `translink_node_up` says. `own`: by the name that stands in for a node's, what is none.
    Names of nodes are words: nothing in them needs escaping."""
    families: dict[bytes, tuple[list[bytes], list[bytes]]] = {}
    yield from _up(texts)
    for node, text in (*texts.items(), *(own or {}).items()):
        label = f'node="{node}"'.encode()
        head, samples = families.setdefault(b"", ([], []))
        for number, line in enumerate((text or b"").split(b"\n")):
            if line.startswith(b"# "):
                name = line.split(b" ", 3)[2]
                head, samples = families.setdefault(name, ([], []))
                if not any(line[:7] == known[:7] for known in head):  # `# HELP ` or `# TYPE `
                    head.append(line)
            elif found := _SAMPLE.match(line):
                samples.append(_labelled(line, found, label))
            if number % METRIC_LINES_AT_ONCE == 0:
                yield b""
    for head, samples in families.values():
        if samples:
            yield b"\n".join((*head, *samples, b""))


def _labelled(line: bytes, found: re.Match[bytes], label: bytes) -> bytes:
    rest = line[found.end() :]
    if not found[2]:
        return found[1] + b"{" + label + b"}" + rest
    return found[1] + b"{" + label + (b"" if rest.startswith(b"}") else b",") + rest


def _up(texts: Mapping[str, bytes | None]) -> Iterator[bytes]:
    yield b"# HELP translink_node_up Whether the node answered\n# TYPE translink_node_up gauge\n"
    for node, text in texts.items():
        yield f'translink_node_up{{node="{node}"}} {int(text is not None)}.0\n'.encode()
