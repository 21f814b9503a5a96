"""The face of a node: it answers for all, but for itself where it is asked whether it is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from translink.admin.http.route import Route
from translink.admin.server import AdminServer
from translink.face.peers import AdminPeer
from translink.face.server import FaceServer
from translink.observe.journal import Journal
from translink.placement.protocol import Placement
from translink.settings.admin import AdminSettings


class FleetFront(FaceServer):
    """A probe, a scrape or a drain of one node of a fleet is about that node; the rest is about all."""

    def __init__(
        self,
        settings: AdminSettings,
        admin: AdminServer,
        known: Callable[[], Mapping[str, AdminPeer]],
        placement: Placement,
        journal: Journal,
        *,
        home: str,
    ) -> None:
        """`admin`: the node's own; the others: see `FaceServer`."""
        super().__init__(settings, known, placement, journal, home=home)
        self._admin = admin
        admin.also = self.guard.counts

    def seconds(self) -> float:
        """Time of the loop's thread spent on it, so that it is not taken for the calls'."""
        sockets = self._connections.seconds if self._connections is not None else 0.0
        return self.guard.seconds + sockets

    def _own_counts(self) -> dict[str, int]:
        """None: the node's own server counts them with its own, so that its `/metrics` has them."""
        return {}

    def _table(self) -> list[Route]:
        own = self._admin.own_routes()
        paths = {(route.method, route.path) for route in own}
        return [
            *own,
            *(route for route in super()._table() if (route.method, route.path) not in paths),
        ]
