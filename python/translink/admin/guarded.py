"""A server behind the guard: what the admin server and a face of several nodes have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web

from translink.admin.access.connections import IDLE_TIME, Connections, address_refused
from translink.admin.access.guard import BODY_LIMIT, FIELD_LIMIT, FIELDS_LIMIT, LINE_LIMIT, Guard
from translink.admin.access.roles import Access
from translink.admin.access.self_signed import self_signed
from translink.admin.access.tls import Certificate
from translink.admin.http.route import Route, install
from translink.errors import SettingsError
from translink.settings.admin import AdminSettings
from translink.settings.types import is_loopback

log = structlog.get_logger("translink.admin")


class GuardedServer:
    """Listens at `host`:`port` until closed."""

    def __init__(self, host: str, port: int, guard: Guard, tls: Certificate | None) -> None:
        """Nothing is listened on yet."""
        self.guard = guard
        self._host = host
        self._port = port
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._connections: Connections | None = None

    def reload_certificate(self) -> None:
        """Read certificate and key again, for new connections. One that does not serve leaves the
        old one in use, and an error in the log."""
        if self._tls is not None:
            try:
                self._tls.load()
            except SettingsError as error:
                log.error("certificate not reloaded", reason=str(error))

    async def listen(
        self,
        routes: Iterable[Route],
        closing: Iterable[Callable[[web.Application], Awaitable[None]]],
    ) -> None:
        """Serve `routes`; `closing` is run before the connections are closed. Raises `SettingsError` when the
        port is taken."""
        app = web.Application(middlewares=[self.guard.middleware], client_max_size=BODY_LIMIT)
        install(app, routes)
        app.on_shutdown.extend(closing)
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


def guard_of(settings: AdminSettings) -> tuple[Guard, Certificate | None]:
    """As the settings say. Raises `SettingsError` when they would let everybody in, or when the certificate does
    not serve."""
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
    return guard, tls
