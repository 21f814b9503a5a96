"""The server of a face: the page, the guard and the API of a node, of all nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from translink.admin.guarded import GuardedServer, guard_of
from translink.admin.http.route import Route
from translink.admin.routes.page import page_routes
from translink.face.peers import AdminPeer, Peers
from translink.face.placing import Placing
from translink.face.routes import FaceRoutes
from translink.face.streams import NodeStreams
from translink.face.talks import NodeTalks
from translink.observe.journal import Journal
from translink.placement.protocol import Placement
from translink.settings.admin import AdminSettings


class FaceServer(GuardedServer):
    """Serves until closed. Nodes come and go as `known` says."""

    def __init__(
        self,
        settings: AdminSettings,
        known: Callable[[], Mapping[str, AdminPeer]],
        placement: Placement,
        journal: Journal,
        *,
        home: str | None = None,
        general: Callable[[], Mapping[str, Any]] = dict,
        lacks: Callable[[], Mapping[str, Any]] = dict,
        one_disk: bool = False,
    ) -> None:
        """`known`: the nodes as they are now; `placement`: which of them gets a new call, `home` while that is
        out of reach; `journal`: what the face itself has to tell; `general`, `lacks`, `one_disk`: see `FaceRoutes`.
        Raises `SettingsError` as `AdminServer.from_settings`."""
        guard, tls = guard_of(settings)
        super().__init__(settings.host, settings.port, guard, tls)
        self.peers = Peers(known)
        placing = Placing(self.peers, placement, home)
        self.routes = FaceRoutes(
            self.peers,
            placing,
            journal,
            settings=general,
            lacks=lacks,
            one_disk=one_disk,
            counts=self._own_counts,
            url=lambda: self.url,
            move=self.move,
            table=self._table,
        )
        self._streams = NodeStreams(self.peers, journal, listen_in=guard.access.listen_in)
        self._talks = NodeTalks(self.peers, placing)

    async def start(self) -> None:
        """Listen. Raises `SettingsError` when the port is taken."""
        await self.peers.start()
        await self.listen(self._table(), [self._streams.close])

    async def close(self) -> None:
        """Stop listening and close the streams. Idempotent."""
        await super().close()
        await self.peers.close()

    def _own_counts(self) -> dict[str, int]:
        """What no node counts: connections and streams that are open here, and requests that were turned away."""
        return {**self.guard.counts(), **self._streams.counts()}

    def _table(self) -> list[Route]:
        return [
            *page_routes(),
            *self.guard.routes(),
            *self.routes.routes(),
            *self._streams.routes(),
            *self._talks.routes(),
        ]
