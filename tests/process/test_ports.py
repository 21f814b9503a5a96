"""An address is tried before anything that takes long is started."""

from __future__ import annotations

import socket

import pytest

from translink.process.ports import probe


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_an_address_in_use_is_refused_and_a_free_one_stays_free(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            probe("127.0.0.1", port, kind)
    probe("127.0.0.1", port, kind)
    with socket.socket(socket.AF_INET, kind) as ours:
        ours.bind(("127.0.0.1", port))


def test_any_port_is_free() -> None:
    probe("127.0.0.1", 0, socket.SOCK_DGRAM)
