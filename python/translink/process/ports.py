"""Whether an address can be listened on, asked before anything that takes long is started."""

from __future__ import annotations

import socket


def probe(host: str, port: int, kind: socket.SocketKind) -> None:
    """Bind `host:port` and let go of it again; port 0 is free at every address of this machine. `host` is
    an IP address.

    Raises `OSError` as the real bind would. Somebody may still take the address until then.
    """
    if port == 0 and host in ("0.0.0.0", "::"):
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as trial:
        if kind is socket.SOCK_STREAM:
            # As asyncio does: else connections just closed are in the way.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host, port))
