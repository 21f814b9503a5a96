"""One connection to NATS, from its buckets on to the moment that it breaks. It is never mended: a new one is made."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Final

import structlog
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import (
    BadRequestError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoKeysError,
)

from translink.errors import printable
from translink.placement.access import NatsAccess
from translink.placement.protocol import EXPIRY

if TYPE_CHECKING:
    from pathlib import Path

    from nats.js import JetStreamContext
    from nats.js.kv import KeyValue

CONNECT_PATIENCE: Final = 2
"""Seconds for each step of connecting, and for each list of what there is."""
MOST_CHORES: Final = 64
"""Things to be done besides, at once. One more is not done: it is done again by somebody else."""
LONGEST_VALUE: Final = 4_096
"""Bytes of a key's value."""
LARGEST_BUCKET: Final = 16_000_000
"""Bytes that the server sets aside for each. A node or a slot takes some 200."""

NATS_ERRORS = (Error, OSError, TimeoutError, ValueError)
"""What goes wrong with a server or on the way to it."""

log = structlog.get_logger("translink.placement")


class Unusable(Exception):
    """There is no connection, or no store behind it; the reason holds no secret."""


class NatsConnection:
    """Three buckets, and what watches them."""

    def __init__(self, client: Client, fleet: str) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done: nothing is to be had here any more."""
        self.why = "the connection broke"
        self._client = client
        self._fleet = fleet
        self._tasks: set[asyncio.Task[None]] = set()
        self._js: JetStreamContext
        self.nodes: KeyValue
        self.slots: KeyValue
        self.settings: KeyValue

    async def open(self, replicas: int) -> None:
        """Make the buckets, or take those that are there."""
        self._js = self._client.jetstream(timeout=CONNECT_PATIENCE)
        self.nodes = await self._bucket("nodes", replicas, EXPIRY)
        self.slots = await self._bucket("slots", replicas, None)
        self.settings = await self._bucket("settings", replicas, None)

    async def _bucket(self, name: str, replicas: int, ttl: float | None) -> KeyValue:
        bucket = f"{self._fleet}-{name}"
        config = KeyValueConfig(
            bucket=bucket,
            ttl=ttl,
            history=1,
            max_bytes=LARGEST_BUCKET,
            max_value_size=LONGEST_VALUE,
            replicas=replicas,
            storage=StorageType.MEMORY,
        )
        try:
            return await self._js.create_key_value(config)
        except BadRequestError:
            # It is there, and made otherwise: by an operator, or another version.
            return await self._js.key_value(bucket)

    def give_up(self, why: str) -> None:
        """Nothing more is hoped for."""
        if not self.broken.done():
            self.why = why
            self.broken.set_result(None)

    async def take(self, node: str, number: int, call: str, revision: int) -> int:
        """Write a slot if nobody has since `revision` (0: ever). Its revision; 0: somebody has."""
        try:
            return await self.slots.update(f"{node}.{number}", call.encode(), last=revision)
        except KeyWrongLastSequenceError:
            return 0

    async def bury(self, node: str) -> None:
        """Free the slots of a node that is gone, if the server has not heard it either: it may be that we were
        held up. Idempotent."""
        try:
            await self.nodes.get(node)
        except KeyNotFoundError:
            await self.forget_slots(node)

    async def forget_slots(self, node: str) -> None:
        """All of a node. Idempotent."""
        bucket = f"{self._fleet}-slots"
        await self._js.purge_stream(f"KV_{bucket}", subject=f"$KV.{bucket}.{node}.>")

    async def forget_settings(self) -> None:
        """All that were changed live. Nodes that are there hear of it, and write theirs again."""
        try:
            keys = await self.settings.keys()
        except NoKeysError:
            return
        for key in keys:
            await self.settings.delete(key)

    async def keep_setting(self, setting: str, value: str) -> None:
        """Write it if the store has lost it."""
        with contextlib.suppress(KeyWrongLastSequenceError):
            await self.settings.create(setting, value.encode())

    async def follow(
        self, bucket: KeyValue, take: Callable[[str, bytes | None, int], None]
    ) -> None:
        """`take` all that is there, then return, and `take` what is written later: key, value or None, revision."""
        watcher = await bucket.watchall(inactive_threshold=60)
        async with asyncio.timeout(CONNECT_PATIENCE):
            async for entry in watcher:
                if entry is None:
                    break
                take(entry.key, None if entry.operation else entry.value, entry.revision or 0)

        async def go_on() -> None:
            async for entry in watcher:
                if entry is not None:
                    take(entry.key, None if entry.operation else entry.value, entry.revision or 0)

        self._start(go_on())

    def soon(self, chore: Coroutine[object, object, None]) -> None:
        """Do it besides, once; if it fails, others do it too."""
        if len(self._tasks) >= MOST_CHORES or self.broken.done():
            chore.close()
        else:
            self._start(chore)

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except NATS_ERRORS as error:
                log.debug("placement", failed=type(error).__name__)

        task = asyncio.create_task(run(), name="placement-chore")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Idempotent."""
        self.give_up("closed")
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*NATS_ERRORS):
            async with asyncio.timeout(1.0):
                await self._client.close()


@contextlib.asynccontextmanager
async def connected(url: str, access: NatsAccess, fleet: str) -> AsyncIterator[NatsConnection]:
    """A connection with its buckets. Raises `Unusable`, also for what fails inside."""
    if access.credentials is not None:
        _refuse_no_credentials(access.credentials)
    client, seen = Client(), list[Exception]()
    connection = NatsConnection(client, fleet)

    async def failed(error: Exception) -> None:
        seen[:] = [error]

    async def broke() -> None:
        connection.give_up("the connection broke")

    try:
        try:
            await client.connect(
                [url],
                name="translink",
                error_cb=failed,
                disconnected_cb=broke,
                closed_cb=broke,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=CONNECT_PATIENCE,
                ping_interval=1,
                max_outstanding_pings=2,
                user=access.user,
                password=access.password,
                token=access.token,
                user_credentials=None if access.credentials is None else str(access.credentials),
                tls=_trusted(access) if url.startswith("tls://") else None,
            )
            await connection.open(access.replicas)
            yield connection
        except NATS_ERRORS as error:
            known = seen[0] if seen and type(error).__name__ == "NoServersError" else error
            text = printable(str(known) or type(known).__name__, secret=access.password or "")
            raise Unusable(text) from None
    finally:
        await connection.close()


def _refuse_no_credentials(path: Path) -> None:
    """In a file without a JWT nats-py looks for one for ever, in the loop's thread. Raises `Unusable`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unusable(f"placement.credentials: {path}: {error.strerror}") from None
    if b"BEGIN NATS USER JWT" not in content or b"BEGIN USER NKEY SEED" not in content:
        raise Unusable(f"placement.credentials: {path} should be a .creds file, as nsc makes it")


def _trusted(access: NatsAccess) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=access.tls_ca)
