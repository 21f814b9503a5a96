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

from collections.abc import Callable, Mapping
from typing import Self

from translink.admin.access.guard import Guard, is_known
from translink.admin.access.roles import Access
from translink.admin.access.tls import Certificate
from translink.admin.guarded import GuardedServer, guard_of
from translink.admin.http.route import Route
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
from translink.settings.admin import AdminSettings


class AdminServer(GuardedServer):
    """Serves the console until closed."""

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
        super().__init__(host, port, guard or Guard(Access(host, token)), tls)
        self.also: Callable[[], Mapping[str, int]] = dict
        """What another port of this process counts likewise: is added to `counts`."""
        self._console = console
        self._streams = EventStreams(console)
        self._audio = AudioStreams(console)
        self._talk = TalkRoutes(talks)
        self._system = SystemRoutes(console, known=is_known, counts=self.counts, table=self._routes)
        self._live = LiveStreams(console, listen_in=self.guard.access.listen_in)

    @classmethod
    def from_settings(
        cls, console: Console, settings: AdminSettings, talks: Talks | None = None
    ) -> Self:
        """As the settings say. Raises `SettingsError` when they would let everybody in, or when the
        certificate does not serve."""
        guard, tls = guard_of(settings)
        return cls(
            console, host=settings.host, port=settings.port, guard=guard, tls=tls, talks=talks
        )

    async def start(self) -> None:
        """Listen. Raises `SettingsError` when the port is taken."""
        streams = (self._streams, self._live, self._audio)
        await self.listen(self._routes(), [each.sockets.close for each in streams])

    def seconds(self) -> float:
        """Time of the loop's thread spent on all this, so that it is not taken for the calls'."""
        sockets = self._connections.seconds if self._connections is not None else 0.0
        return self.guard.seconds + sockets + self._live.seconds + self._system.seconds

    def counts(self) -> dict[str, int]:
        """Connections and streams that are open, and requests that were turned away."""
        own = {
            **self.guard.counts(),
            "dashboards": len(self._live.sockets),
            "event_streams": len(self._streams.sockets),
            "listeners": len(self._audio.sockets),
        }
        also = self.also()
        return {name: count + also.get(name, 0) for name, count in own.items()}

    def own_routes(self) -> list[Route]:
        """Those that ask for this process, also where there are others that have the same calls' API: is it
        well, does it take calls, its figures, its drain, and who talks by its page."""
        own = ("/health", "/ready", "/metrics", "/api/drain")
        of_the_system = [route for route in self._system.routes() if route.path in own]
        return [*of_the_system, *self._talk.routes()]

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
