"""The HTTP routes."""

from __future__ import annotations

import errno
import importlib.resources
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from translink.admin.access import Access
from translink.admin.source import AdminSource
from translink.admin.stream import EventStreams
from translink.errors import SettingsError
from translink.metrics import exposition

MODES = ("auto", "streaming", "prerecorded")
BODY_LIMIT = 65_536
"""Bytes of a request's body; ours are a few dozen."""

_OPEN = ("/health", "/ready", "/")
"""Answered without a token; health and readiness then without details. `/static/` too: no data."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminServer:
    """Serves `source` at `host`:`port` until closed."""

    def __init__(
        self,
        source: AdminSource,
        *,
        host: str = "127.0.0.1",
        port: int = 3020,
        token: str | None = None,
    ) -> None:
        """Raises `SettingsError` when the address is not loopback and there is no token."""
        self._source = source
        self._host = host
        self._port = port
        self._access = Access(host, token)
        self._streams = EventStreams(source)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises `SettingsError` when the port is taken."""
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_LIMIT)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/static/{name}", self._static),
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics),
                web.get("/api/stats", self._stats),
                web.get("/api/settings", self._settings),
                web.get("/api/calls", self._calls),
                web.post("/api/mode", self._set_mode),
                web.post("/api/calls/{call}/end", self._end_call),
                web.get("/api/events", self._streams.serve),
            ]
        )
        app.on_shutdown.append(self._streams.close)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self.close()
            if error.errno == errno.EADDRINUSE:
                wrong = "is taken by another program; choose another, or 0 for any"
                raise SettingsError(f"admin.port = {self._port}: {wrong}") from None
            raise SettingsError(f"admin.host = {self._host!r}: {error.strerror}") from None
        self._port = self._runner.addresses[0][1]

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:3020`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on; 0 was resolved by `start`."""
        return self._port

    async def close(self) -> None:
        """Stop listening and close the streams. Idempotent."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    # What is asked before every handler

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if (reason := self._access.refuses(request.method, request.headers)) is not None:
            response: web.StreamResponse = _json({"error": reason}, 403)
        elif not _is_open(request.path) and not self._access.knows(request.headers):
            response = _json({"error": "a token is needed: Authorization: Bearer …"}, 401)
            response.headers["WWW-Authenticate"] = "Bearer"
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = _json({"error": error.reason}, error.status)
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    # Seeing

    async def _health(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._source.health())

    async def _ready(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._source.ready())

    def _verdict(self, request: web.Request, good: bool, more: Mapping[str, Any]) -> web.Response:
        details = more if self._access.knows(request.headers) else {}
        return _json({"ok": good, **details}, 200 if good else 503)

    async def _stats(self, _: web.Request) -> web.Response:
        return _json(self._source.stats())

    async def _settings(self, _: web.Request) -> web.Response:
        return _json(self._source.settings())

    async def _calls(self, _: web.Request) -> web.Response:
        return _json({"calls": self._source.calls()})

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
        return _json({"mode": mode, "leg": leg, "share": share})

    async def _end_call(self, request: web.Request) -> web.Response:
        _must_be_json(request)
        if not await self._source.end_call(request.match_info["call"]):
            raise web.HTTPNotFound(reason="there is no call of that name")
        return _json({"ended": request.match_info["call"]})

    # The page

    async def _page(self, _: web.Request) -> web.Response:
        return _file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return _file(request.match_info["name"])


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith("/static/")


def _json(value: object, status: int = 200) -> web.Response:
    body = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    return web.Response(body=body, status=status, content_type="application/json")


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _must_be_json(request: web.Request) -> None:
    """A form on another site cannot send this type, so it cannot act for a browser's user."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="Content-Type should be application/json")


async def _object(request: web.Request) -> dict[str, Any]:
    _must_be_json(request)
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
