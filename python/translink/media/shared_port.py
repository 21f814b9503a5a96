"""The port that legs share, seen from Python: bound when the first of them needs it, and what came to it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from translink.settings.types import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translink._core import Engine
    from translink.settings.shared_port import SharedPortSettings

logger = logging.getLogger("translink.media")


class SharedPort:
    """One UDP port of the engine, for many legs. See `rust/engine`, `port`.

    Bound late, since a process that takes over from another has it only when the other is gone.
    """

    def __init__(self, engine: Engine, settings: SharedPortSettings | None) -> None:
        self._engine = engine
        self._settings = settings
        self._number: int | None = None

    def number(self) -> int:
        """Of the engine's; binds it first. Raises `OSError`, and `ValueError` where none is set."""
        if self._number is None:
            settings = self._settings
            if settings is None or settings.listen is None:
                raise ValueError("no shared port is set")
            wanted = settings.receive_buffer
            self._number = self._engine.share(listen=settings.listen, receive_buffer=wanted)
            granted = self._engine.port_counters(self._number)["rcvbuf"]
            warn_of_small_buffer("the shared port", granted, wanted)
        return self._number

    def stats(self) -> Mapping[str, Any]:
        """Where it is (`listen`), whose datagram it dropped last (`stranger`), and what came to it and belongs
        to no leg, for the API; empty: there is none, or it is not bound yet."""
        if (port := self._number) is None:
            return {}
        last = self._engine.port_stranger(port)
        return {
            "listen": str(Address(*self._engine.port_address(port))),
            "stranger": None if last is None else str(Address(*last)),
            **self._engine.port_counters(port),
        }


def warn_of_small_buffer(who: str, granted: int, wanted: int) -> None:
    """Where the kernel has other ideas."""
    if granted < wanted:
        logger.warning(
            "%s: the kernel grants %d of %d bytes of receive buffer (net.core.rmem_max)",
            who,
            granted,
            wanted,
        )
