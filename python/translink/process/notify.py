"""What a supervisor is sent: systemd's `sd_notify`, by plain sockets.

The protocol: datagrams of `NAME=value` lines to the Unix socket that `NOTIFY_SOCKET` names, and nothing
comes back (sd_notify(3)). The watchdog's time is in `WATCHDOG_USEC`, for the process that `WATCHDOG_PID`
names (sd_watchdog_enabled(3)). Without those variables nothing is sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

LONGEST_STATUS = 200
"""Characters."""


def message(
    *,
    ready: bool = False,
    stopping: bool = False,
    watchdog: bool = False,
    status: str | None = None,
    extend: float | None = None,
) -> bytes:
    """One datagram.

    Args:
        ready: the start is over.
        stopping: the end has begun.
        watchdog: alive.
        status: in words, for `systemctl status`; a line's end in it is a space.
        extend: seconds from now until which the start or the end may go on.
    """
    lines = []
    if ready:
        lines.append("READY=1")
    if stopping:
        lines.append("STOPPING=1")
    if watchdog:
        lines.append("WATCHDOG=1")
    if extend is not None:
        lines.append(f"EXTEND_TIMEOUT_USEC={round(extend * 1e6)}")
    if status is not None:
        lines.append("STATUS=" + " ".join(status.split())[:LONGEST_STATUS])
    return "\n".join(lines).encode()


def address(environ: Mapping[str, str]) -> str | bytes | None:
    """Where to send; None: nobody listens. A leading `@` is the abstract namespace; what else is
    no absolute path (`vsock:` of a virtual machine) is not served."""
    name = environ.get("NOTIFY_SOCKET", "")
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    return name if name.startswith("/") else None


def watchdog_period(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life: a third of what systemd waits for. None: it does not."""
    micros = environ.get("WATCHDOG_USEC", "")
    wanted = environ.get("WATCHDOG_PID", "")
    if not micros.isdecimal() or int(micros) == 0 or (wanted and wanted != str(pid)):
        return None
    return int(micros) / 3e6


class Supervisor:
    """The supervisor that started us, if it wants to know how we are. Never raises, never waits."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        """`pid` = ours."""
        self.period = watchdog_period(environ, pid)
        """See `watchdog_period`."""
        self.unsent = 0
        """Messages that its socket did not take."""
        self._at = address(environ)
        self._socket: socket.socket | None = None
        if self._at is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @property
    def listens(self) -> bool:
        """Whether a supervisor wants to know."""
        return self._socket is not None

    def tell(self, text: bytes) -> None:
        """Send one `message` to the supervisor."""
        if self._socket is None or self._at is None:
            return
        try:
            self._socket.sendto(text, self._at)
        except OSError:
            self.unsent += 1

    async def guard(self, alive: Callable[[], bool]) -> None:
        """Give signs of life for as long as `alive` says so; a loop that stands still gives none. Runs
        until cancelled; returns at once where nobody waits for them."""
        if self._socket is None or self.period is None:
            return
        while True:
            if alive():
                self.tell(message(watchdog=True))
            await asyncio.sleep(self.period)

    def close(self) -> None:
        """Close the socket. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
