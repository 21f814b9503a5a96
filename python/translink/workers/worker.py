"""A worker: `translink serve` without a command line, as `crew` starts it.

Its orders come over standard input: each is the length of a pickle in eight bytes and the pickle. So no
secret is on a command line or in an environment, and a worker whose crew is gone reads the end of the pipe and
stops in good order. The pipe is ours alone: both ends are processes of one program, started one from the other.
It answers with two lines: an empty one when it waits for its orders, everything loaded; then the URL of its admin
server, once calls may come.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import structlog

from translink import log, serving
from translink.commands.log_settings import configure_log
from translink.commands.takeover import GaveWay
from translink.errors import SettingsError, TranslinkError
from translink.process.ending import leave
from translink.settings.model import Settings
from translink.wiring.endpoints import Endpoints
from translink.wiring.membership import Membership

LONGEST_ORDER: Final = 64_000_000
"""Bytes; a thousand legs take half a megabyte."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What a worker is to be, and, when sent again, its settings from now on."""

    settings: Settings
    name: str
    first_call: int
    endpoints: Endpoints
    url: str
    before: GaveWay | None = None
    """Who had the legs, and may still have some."""


def packed(order: WorkOrder) -> bytes:
    """As it goes through the pipe."""
    body = pickle.dumps(order)
    return len(body).to_bytes(8, "big") + body


def orders(pipe: BinaryIO) -> Iterator[WorkOrder]:
    """Those that come, until the pipe ends."""
    while len(head := pipe.read(8)) == 8:
        length = int.from_bytes(head, "big")
        if length > LONGEST_ORDER or len(body := pipe.read(length)) < length:
            return
        order = pickle.loads(body)
        if isinstance(order, WorkOrder):
            yield order


class _Desk:
    """The newest order."""

    def __init__(self, order: WorkOrder) -> None:
        self.order = self._seen = order

    def news(self) -> bool:
        """Whether there is one that is not the last one asked about, or the first."""
        order, before = self.order, self._seen
        self._seen = order
        return order is not before

    def follow(self, more: Iterator[WorkOrder]) -> None:
        """Take orders until there are no more. A thread of its own: a pipe has no other way on every loop."""
        for order in more:
            self.order = order
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve as the first order says, and leave with an exit code."""
    _say("")
    coming = orders(sys.stdin.buffer)
    order = next(coming, None)
    if order is None:
        leave(0)
    settings = order.settings
    configure_log(settings, worker=order.name)
    desk = _Desk(order)
    threading.Thread(target=desk.follow, args=(coming,), name="orders", daemon=True).start()

    member = Membership(order.name, order.first_call, order.endpoints, order.url, _say, desk.news)
    try:
        before = None if order.before is None else order.before.predecessor(settings)
        code = serving.serve(settings, lambda: desk.order.settings, member=member, before=before)
    except (TranslinkError, OSError) as error:
        structlog.get_logger("translink").error("not started", reason=str(error))
        code = 2 if isinstance(error, SettingsError) else 1
    leave(code, log.close)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
