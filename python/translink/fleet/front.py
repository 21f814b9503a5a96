"""The face of a node: it answers for all, but for itself where it is asked whether it is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from aiohttp import web

from translink.admin.http.route import Handler, Route
from translink.admin.routes.requests import DrainRequest, requested
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
        own = [
            replace(route, handler=_without_successor(route.handler))
            if (route.method, route.path) == ("POST", "/api/drain")
            else route
            for route in self._admin.own_routes()
        ]
        paths = {(route.method, route.path) for route in own}
        return [
            *own,
            *(route for route in super()._table() if (route.method, route.path) not in paths),
        ]


def _without_successor(drain: Handler) -> Handler:
    """The others ask this node where it is: it cannot move, and its port for all stays bound."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if (await requested(request, DrainRequest)).hand_over:
            raise web.HTTPConflict(
                reason="hand_over cannot be had in a fleet: drain this node, whose calls others take "
                "meanwhile, then start it anew"
            )
        return await drain(request)

    return handler
