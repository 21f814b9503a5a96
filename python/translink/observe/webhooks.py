"""Posts messages to the receiver of the settings: a task and a session of their own.

Calls notice nothing: an event becomes a message in a few microseconds and waits in the `Outbox`, which
is bounded. Each attempt has its time-out. Redirects are not followed, so nobody but the settings says
whom this server talks to, and nothing of an answer is shown but its status.

Signed by Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`: HMAC-SHA256
over `id.timestamp.body`), so that receivers find libraries for it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import orjson
import structlog

from translink import __version__
from translink.observe.hook_messages import TOLD_EVENTS, HookMessages
from translink.observe.outbox import HookMessage, Outbox
from translink.settings.webhook import hook_key
from translink.trust import authorities

if TYPE_CHECKING:
    from translink.observe.journal import Event, Journal
    from translink.settings.webhook import WebhookSettings

log = structlog.get_logger("translink")

LAST_SECONDS = 0.4
"""At the end of the process, for what still waits: less than closing may take as a whole."""
ANSWER_BYTES = 65_536
"""Of an answer that are read, so that the connection can be used again."""
GONE = 410


class Webhooks:
    """Tells the receiver. Enter it on the running loop."""

    def __init__(self, journal: Journal, settings: WebhookSettings, node: str = "") -> None:
        """Nothing is sent if `settings.url` is None. `node`: see `HookMessages`."""
        self._base = ""
        self.outbox = Outbox(size=settings.queue, attempts=settings.attempts, keep=settings.keep)
        self._journal = journal
        self._settings = settings
        self._messages = HookMessages(
            settings.events, self._link, lambda: f"msg_{uuid.uuid4().hex}", node
        )
        self._wake = asyncio.Event()
        self._closing = False

    def link_to(self, url: str) -> None:
        """This server's own URL, for links, where the settings name none."""
        self._base = url

    def figures(self) -> Mapping[str, int | str]:
        """For statistics and metrics."""
        box = self.outbox
        return {
            "waiting": len(box),
            "delivered": box.delivered,
            "failed": box.failed,
            "given_up": box.given_up,
            "dropped": box.dropped,
            "trouble": box.trouble,
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Webhooks]:
        """Messages go out from here until the context is left, the last ones within `LAST_SECONDS`."""
        if self._settings.url is None:
            yield self
            return
        stop = self._journal.listen(self._event)
        sending = asyncio.create_task(self._send_all(), name="webhooks")
        try:
            yield self
        finally:
            stop()
            self._closing = True
            self._wake.set()
            await asyncio.wait((sending,), timeout=LAST_SECONDS)
            sending.cancel()
            if left := len(self.outbox):
                log.warning("webhooks that were not delivered", messages=left)

    def _event(self, event: Event) -> None:
        if event.type in TOLD_EVENTS and (message := self._messages.of(event)) is not None:
            self.outbox.add(message, time.monotonic())
            self._wake.set()

    def _link(self, call: str) -> str:
        base = (self._settings.public_url or self._base).rstrip("/")
        return f"{base}/api/calls/{quote(call, safe='')}/transcript"

    async def _send_all(self) -> None:
        patience = aiohttp.ClientTimeout(total=self._settings.timeout)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=authorities(), limit=1, keepalive_timeout=50.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"translink/{__version__}"},
            timeout=patience,
        ) as session:
            while True:
                due = self.outbox.next(time.monotonic())
                if isinstance(due, HookMessage):
                    await self._send(session, due)
                    continue
                if self._closing:
                    return
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(due):
                        await self._wake.wait()

    async def _send(self, session: aiohttp.ClientSession, message: HookMessage) -> None:
        url, secret = self._settings.url, self._settings.secret
        assert url is not None
        assert secret is not None
        body = body_of(message)
        stamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(
                hook_key(secret.get_secret_value()), message.id, stamp, body
            ),
        }
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status, wait = answer.status, answer.headers.get("Retry-After", "")
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    await answer.content.read(ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = "timed out" if isinstance(error, TimeoutError) else type(error).__name__
            self._failed(message, why, answered=False)
            return
        if 200 <= status < 300:
            if self.outbox.trouble:
                log.info("webhooks are delivered again")
            self.outbox.sent(message)
        else:
            retry_after = float(wait) if wait.isdecimal() else None
            self._failed(
                message,
                f"answered {status}",
                answered=True,
                retry_after=retry_after,
                for_good=status == GONE,
            )

    def _failed(
        self,
        message: HookMessage,
        why: str,
        *,
        answered: bool,
        retry_after: float | None = None,
        for_good: bool = False,
    ) -> None:
        if self.outbox.trouble != why:  # said once, and not with each attempt
            log.warning("webhooks are not delivered", reason=why, waiting=len(self.outbox))
        self.outbox.refused(
            message,
            time.monotonic(),
            why,
            answered=answered,
            retry_after=retry_after,
            for_good=for_good,
        )


def body_of(message: HookMessage) -> bytes:
    """As it is posted: `type`, `timestamp` (ISO 8601) and `data`."""
    at = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds")
    return orjson.dumps({"type": message.type, "timestamp": at, "data": message.data})


def signature(key: bytes, id_: str, stamp: int, body: bytes) -> str:
    """`v1,` and the HMAC in base64. Source: Standard Webhooks 1.0, "Signature scheme"."""
    digest = hmac.digest(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
