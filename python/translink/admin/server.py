"""The HTTP routes."""

from __future__ import annotations

import errno
import importlib.resources
from collections.abc import Mapping
from typing import Any, Self

import orjson
import structlog
from aiohttp import web

from translink.admin.access import Access, Role
from translink.admin.connections import IDLE_TIME, Door
from translink.admin.guard import (
    BODY_LIMIT,
    FIELD_LIMIT,
    FIELDS_LIMIT,
    LINE_LIMIT,
    ROLE,
    Guard,
    answer,
)
from translink.admin.source import AdminSource
from translink.admin.stream import EventStreams
from translink.admin.tls import Certificate
from translink.errors import SettingsError
from translink.metrics import exposition
from translink.setting_types import is_loopback
from translink.settings import AdminSettings

log = structlog.get_logger("translink.admin")

MODES = ("auto", "streaming", "prerecorded")


class AdminServer:
    """Serves `source` at `host`:`port` until closed."""

    def __init__(
        self,
        source: AdminSource,
        *,
        host: str = "127.0.0.1",
        port: int = 3020,
        token: str | None = None,
        guard: Guard | None = None,
        tls: Certificate | None = None,
    ) -> None:
        """`guard` None: one for `host` and `token`. Raises `SettingsError` when the address is not
        loopback and there is no token."""
        self._source = source
        self._host = host
        self._port = port
        self._tls = tls
        self.guard = guard or Guard(Access(host, token))
        self._streams = EventStreams(source)
        self._runner: web.AppRunner | None = None

    @classmethod
    def from_settings(cls, source: AdminSource, settings: AdminSettings) -> Self:
        """As the settings say. Raises `SettingsError` when they would let everybody in, or when the
        certificate does not serve."""
        access = Access(
            settings.host,
            settings.token.get_secret_value() if settings.token else None,
            read_token=settings.read_token.get_secret_value() if settings.read_token else None,
            allowed_hosts=settings.allowed_hosts,
            listen_in=settings.listen_in,
        )
        tls = Certificate(settings.tls_cert, settings.tls_key) if settings.tls_cert else None
        guard = Guard(
            access,
            session_time=settings.session_time,
            proxies=settings.proxies,
            secure=tls is not None,
        )
        if tls is None and not is_loopback(settings.host):
            log.warning(
                "admin.host is reachable from outside without TLS: whoever is on the way can read "
                "the token; set admin.tls_cert, or stay on loopback behind a proxy",
                host=settings.host,
            )
        return cls(source, host=settings.host, port=settings.port, guard=guard, tls=tls)

    def reload_certificate(self) -> None:
        """Read certificate and key again, for new connections. One that does not serve leaves the
        old one in use, and an error in the log."""
        if self._tls is not None:
            try:
                self._tls.load()
            except SettingsError as error:
                log.error("certificate not reloaded", reason=str(error))

    async def start(self) -> None:
        """Listen. Raises `SettingsError` when the port is taken."""
        app = web.Application(middlewares=[self.guard.middleware], client_max_size=BODY_LIMIT)
        self.guard.add_routes(app, self._routes())
        app.on_shutdown.append(self._streams.close)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=1.0,
            keepalive_timeout=IDLE_TIME,
            lingering_time=2.0,
            auto_decompress=False,  # nobody needs it, and a little can become much
            max_line_size=LINE_LIMIT,
            max_field_size=FIELD_LIMIT,
            max_headers=FIELDS_LIMIT,
        )
        await self._runner.setup()
        context = self._tls.context if self._tls else None
        door = Door(self._runner, self._host, self._port, tls=context)
        try:
            await door.start()
        except OSError as error:
            await self.close()
            if error.errno == errno.EADDRINUSE:
                wrong = "is taken by another program; choose another, or 0 for any"
                raise SettingsError(f"admin.port = {self._port}: {wrong}") from None
            raise SettingsError(f"admin.host = {self._host!r}: {error.strerror}") from None
        self.guard.door = door
        self._port = self._runner.addresses[0][1]

    def _routes(self) -> list[tuple[Role, web.AbstractRouteDef]]:
        """Every route with the role it wants; what is missing here is for `CONTROL` only."""
        return [
            (Role.OPEN, web.get("/", self._page)),
            (Role.OPEN, web.get("/static/{name}", self._static)),
            (Role.OPEN, web.get("/health", self._health)),
            (Role.OPEN, web.get("/ready", self._ready)),
            (Role.READ, web.get("/metrics", self._metrics)),
            (Role.READ, web.get("/api/stats", self._stats)),
            (Role.READ, web.get("/api/settings", self._settings)),
            (Role.READ, web.get("/api/calls", self._calls)),
            (Role.CONTROL, web.post("/api/mode", self._set_mode)),
            (Role.CONTROL, web.post("/api/calls/{call}/end", self._end_call)),
            (Role.READ, web.get("/api/events", self._streams.serve)),
            *self.guard.own_routes(),
        ]

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:3020`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on; 0 was resolved by `start`."""
        return self._port

    async def close(self) -> None:
        """Stop listening and close the streams. Idempotent."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    # Seeing

    async def _health(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._source.health())

    async def _ready(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._source.ready())

    def _verdict(self, request: web.Request, good: bool, more: Mapping[str, Any]) -> web.Response:
        details = more if ROLE in request else {}
        return answer({"ok": good, **details}, 200 if good else 503)

    async def _stats(self, _: web.Request) -> web.Response:
        return answer({**self._source.stats(), "admin": self.guard.counts()})

    async def _settings(self, _: web.Request) -> web.Response:
        return answer(self._source.settings())

    async def _calls(self, _: web.Request) -> web.Response:
        return answer({"calls": self._source.calls()})

    async def _metrics(self, _: web.Request) -> web.Response:
        body, content_type = exposition(self._source.stats())
        return web.Response(body=body, headers={"Content-Type": content_type})

    # Doing

    async def _set_mode(self, request: web.Request) -> web.Response:
        body = await _object(request)
        mode, leg, share = body.get("mode"), body.get("leg"), body.get("share")
        if mode not in MODES and (mode is not None or share is None):
            raise web.HTTPBadRequest(reason=f"mode should be {', '.join(MODES)}")
        if leg is not None and not isinstance(leg, str):
            raise web.HTTPBadRequest(reason="leg should be a name, or left out for all")
        if share is not None and (leg is not None or not _is_share(share)):
            raise web.HTTPBadRequest(reason="share should be from 0 to 1, and is for all legs")
        try:
            await self._source.set_mode(leg, mode, share)
        except KeyError:
            raise web.HTTPNotFound(reason="there is no leg of that name") from None
        return answer({"mode": mode, "leg": leg, "share": share})

    async def _end_call(self, request: web.Request) -> web.Response:
        if not await self._source.end_call(request.match_info["call"]):
            raise web.HTTPNotFound(reason="there is no call of that name")
        return answer({"ended": request.match_info["call"]})

    # The page

    async def _page(self, _: web.Request) -> web.Response:
        return _file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return _file(request.match_info["name"])


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        value = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise web.HTTPBadRequest(reason="the body should be JSON") from None
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(reason="the body should be a JSON object")
    return value


_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def _file(name: str) -> web.Response:
    folder = importlib.resources.files("translink.admin") / "static"
    if name not in {item.name for item in folder.iterdir()}:
        raise web.HTTPNotFound(reason="there is no such file")
    content_type = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    body = (folder / name).read_bytes()
    return web.Response(body=body, content_type=content_type, charset="utf-8")
