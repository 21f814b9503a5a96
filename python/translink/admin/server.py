"""The admin server: listens, guards its routes and serves them.

    server = AdminServer(console, host="127.0.0.1", port=3020)
    await server.start()
    …
    await server.close()

`guard` decides which requests are allowed, for every route in one place: on loopback no token is needed
where none is set; any other address needs one, shown in each request or once at log-in, for all but the
page's files and the bare `/health` and `/ready` (docs/security.md). A client that is too slow for its
event stream is cut off.
"""

from __future__ import annotations

import errno
from typing import Self

import structlog
from aiohttp import web

from translink.admin.access.connections import IDLE_TIME, Connections
from translink.admin.access.guard import (
    BODY_LIMIT,
    FIELD_LIMIT,
    FIELDS_LIMIT,
    LINE_LIMIT,
    Guard,
    is_known,
)
from translink.admin.access.roles import Access
from translink.admin.access.self_signed import self_signed
from translink.admin.access.tls import Certificate
from translink.admin.http.route import Route, install
from translink.admin.panel.console import Console
from translink.admin.routes.audio import AudioStreams
from translink.admin.routes.calls import CallRoutes
from translink.admin.routes.events import EventStreams
from translink.admin.routes.legs import LegRoutes
from translink.admin.routes.live import LiveStreams
from translink.admin.routes.page import page_routes
from translink.admin.routes.postmortems import PostmortemRoutes
from translink.admin.routes.system import SystemRoutes
from translink.admin.routes.talk import TalkRoutes, Talks
from translink.errors import SettingsError
from translink.settings.admin import AdminSettings
from translink.settings.types import is_loopback

log = structlog.get_logger("translink.admin")


class AdminServer:
    """Serves the console at `host`:`port` until closed."""

    def __init__(
        self,
        console: Console,
        *,
        host: str = "127.0.0.1",
        port: int = 3020,
        token: str | None = None,
        guard: Guard | None = None,
        tls: Certificate | None = None,
        talks: Talks | None = None,
    ) -> None:
        """`guard` None: one for `host` and `token`; `talks` None: none can be made. Raises `SettingsError`
        when the address is not loopback and there is no token."""
        self._console = console
        self._host = host
        self._port = port
        self._tls = tls
        self.guard = guard or Guard(Access(host, token))
        self._streams = EventStreams(console)
        self._audio = AudioStreams(console)
        self._talk = TalkRoutes(talks)
        self._system = SystemRoutes(console, known=is_known, counts=self.counts, table=self._routes)
        self._live = LiveStreams(console, listen_in=self.guard.access.listen_in)
        self._runner: web.AppRunner | None = None
        self._connections: Connections | None = None

    @classmethod
    def from_settings(
        cls, console: Console, settings: AdminSettings, talks: Talks | None = None
    ) -> Self:
        """As the settings say. Raises `SettingsError` when they would let everybody in, or when the
        certificate does not serve."""
        access = Access(
            settings.host,
            settings.token.get_secret_value() if settings.token else None,
            read_token=settings.read_token.get_secret_value() if settings.read_token else None,
            allowed_hosts=settings.allowed_hosts,
            listen_in=settings.listen_in,
        )
        tls = Certificate.from_settings(settings)
        if settings.tls_self_signed:
            tls = Certificate(self_signed(settings.host, settings.allowed_hosts), None)
        guard = Guard(
            access,
            session_time=settings.session_time,
            proxies=settings.proxies,
            secure=tls is not None,
        )
        if tls is None and not is_loopback(settings.host):
            log.warning(
                "admin.host is reachable from outside without TLS: the network between can read "
                "the token; set admin.tls_cert, or stay on loopback behind a proxy",
                host=settings.host,
            )
        return cls(
            console, host=settings.host, port=settings.port, guard=guard, tls=tls, talks=talks
        )

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
        install(app, self._routes())
        app.on_shutdown.append(self._streams.sockets.close)
        app.on_shutdown.append(self._live.sockets.close)
        app.on_shutdown.append(self._audio.sockets.close)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=self.guard.noise.logger,
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
        connections = Connections(self._runner, self._host, self._port, tls=context)
        connections.on_sweep = self.guard.end_streams
        self._connections = connections
        try:
            await connections.start()
        except OSError as error:
            await self.close()
            raise address_refused(self._host, self._port, error) from None
        self.guard.connections = connections
        self._port = connections.port

    def move(self) -> None:
        """Listen on a free port instead; connections that are open stay. Raises `OSError`."""
        if self._connections is not None:
            self._connections.move()
            self._port = self._connections.port

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
        if self._connections is not None:
            await self._connections.stop()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def seconds(self) -> float:
        """Time of the loop's thread spent on all this, so that it is not taken for the calls'."""
        sockets = self._connections.seconds if self._connections is not None else 0.0
        return self.guard.seconds + sockets + self._live.seconds + self._system.seconds

    def counts(self) -> dict[str, int]:
        """Connections and streams that are open, and requests that were turned away."""
        return {
            **self.guard.counts(),
            "dashboards": len(self._live.sockets),
            "event_streams": len(self._streams.sockets),
            "listeners": len(self._audio.sockets),
        }

    def _routes(self) -> list[Route]:
        return [
            *page_routes(),
            *self.guard.routes(),
            *self._system.routes(),
            *CallRoutes(self._console).routes(),
            *PostmortemRoutes(self._console).routes(),
            *LegRoutes(self._console).routes(),
            *self._streams.routes(),
            *self._live.routes(),
            *self._audio.routes(),
            *self._talk.routes(),
        ]


def refuse_bad_certificate(admin: AdminSettings) -> None:
    """Before anything is loaded. Raises `SettingsError` where the files of the settings do not serve."""
    Certificate.from_settings(admin)


def address_refused(host: str, port: int, error: OSError) -> SettingsError:
    """What to tell of an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        wrong = "is taken by another program; choose another, or 0 for any"
        return SettingsError(f"admin.port = {port}: {wrong}")
    return SettingsError(f"admin.host = {host!r}: {error.strerror}")
