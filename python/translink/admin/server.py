"""The admin server: listens, lets in who may ask, and hands on to the routes."""

from __future__ import annotations

import errno

from aiohttp import web

from translink.admin.access import Access
from translink.admin.answers import answer
from translink.admin.calls import CallRoutes
from translink.admin.page import page_routes
from translink.admin.routes import Handler, Route, install, role_of
from translink.admin.source import AdminSource
from translink.admin.stream import EventStreams
from translink.admin.system import SystemRoutes
from translink.errors import SettingsError

BODY_LIMIT = 65_536
"""Bytes of a request's body; ours are a few dozen."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


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
        install(app, self._routes())
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

    def _routes(self) -> list[Route]:
        system = SystemRoutes(self._source, known=lambda r: self._access.knows(r.headers))
        return [
            *page_routes(),
            *system.routes(),
            *CallRoutes(self._source).routes(),
            *self._streams.routes(),
        ]

    # What is asked before every handler

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if (reason := self._access.refuses(request.method, request.headers)) is not None:
            response: web.StreamResponse = answer({"error": reason}, 403)
        elif role_of(request) != "open" and not self._access.knows(request.headers):
            response = answer({"error": "a token is needed: Authorization: Bearer …"}, 401)
            response.headers["WWW-Authenticate"] = "Bearer"
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = answer({"error": error.reason}, error.status)
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response
