"""A controller and its Asterisk in touch, whichever of the two connects: what is common to both ways."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

import aiohttp
import structlog

if TYPE_CHECKING:
    from translink.pbx.controller import Controller
    from translink.pbx.errands import AriRequest

log = structlog.get_logger("translink")

ARI_HEARTBEAT = 5.0
"""Seconds of silence after which the socket is asked whether it is alive."""
ARI_REQUEST_TIME = 5.0
"""Seconds for an answer."""
LONGEST_EVENT = 1 << 20
FINISH = 2.0
"""Seconds for the last requests."""


class EventSocket(Protocol):
    """Of aiohttp's, whichever of the two connected."""

    async def close(self) -> bool:
        """In good order."""


class AriWire(ABC):
    """Events to the controller, its requests to Asterisk, and the time."""

    def __init__(self, controller: Controller) -> None:
        self.connected = False
        """Events come."""
        self.last_error = ""
        self.controller = controller
        self._timer: asyncio.TimerHandle | None = None
        self._unwanted: EventSocket | None = None
        """Is being closed."""
        self._renewing: asyncio.Task[None] | None = None

    @abstractmethod
    async def start(self) -> None:
        """Be in touch from now on."""

    @abstractmethod
    async def release(self) -> None:
        """Give the address up, if it has one. A connection that is there stays. Idempotent."""

    @abstractmethod
    async def close(self) -> None:
        """Hang up everybody and leave."""

    @abstractmethod
    def send(self, request: AriRequest) -> None:
        """Ask; `answered` is called once, later."""

    @abstractmethod
    def event_socket(self) -> EventSocket | None:
        """By which events come, or would, if there is one."""

    def pump(self) -> None:
        """Ask what the controller wants to be asked. Call it after each change to it."""
        for request in self.controller.take():
            self.send(request)
        if self.controller.vacant:
            self._renew()
        self.no_timer()
        if (at := self.controller.deadline()) is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, at - time.monotonic()), self._wake)

    def no_timer(self) -> None:
        """Cancel the timer: there is no deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def attached(self) -> None:
        """Events come from now on."""
        self.connected = True
        self.last_error = ""
        self.controller.attached(time.monotonic())
        self.pump()

    def troubled(self, reason: str) -> None:
        """A connection could not be had."""
        self.last_error = reason

    def detached(self) -> None:
        """They do not any more."""
        self.connected = False
        self.controller.detached(time.monotonic())
        self.pump()

    def answered(self, request: AriRequest, status: int, body: object) -> None:
        """What Asterisk says to a request; 0 = nothing."""
        if status >= 400 and not (request.method == "DELETE" and status == 404):
            log.warning(
                "Asterisk refuses",
                method=request.method,
                path=request.path,
                status=status,
                reason=body.get("message") if isinstance(body, dict) else None,
            )
        self.controller.answered(request.number, status, body, time.monotonic())
        self.pump()

    def happened(self, event: dict[str, object]) -> None:
        """Hand an event of Asterisk's to the controller, and do what it asks for."""
        self.controller.event(event, time.monotonic())
        self.pump()

    def _renew(self) -> None:
        """Nobody has our events: with a new connection they come again."""
        socket = self.event_socket()
        if socket is not None and socket is not self._unwanted:
            self._unwanted = socket
            self._renewing = asyncio.create_task(_close(socket), name="ari-renew")

    def _wake(self) -> None:
        self.controller.wake(time.monotonic())
        self.pump()


async def _close(socket: EventSocket) -> None:
    with contextlib.suppress(aiohttp.ClientError, OSError):
        await socket.close()


def message_of(text: str) -> dict[str, object] | None:
    """One of the event socket's; None: it is none, which is said."""
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        log.warning("a message of Asterisk's is no JSON object")
        return None
    return message
