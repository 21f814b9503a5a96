"""A route: its path, the role it takes, and its handler.

Every route is in one of the tables that `server` gathers, with its role. The guard reads the role
with `role_of` and needs to know nothing of the routes themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

Role = Literal["open", "read", "control", "listen"]
"""What a route takes and what a caller has; each includes those before it. `open`: anybody, nothing
that says anything about calls (health and readiness without details); `read`: see everything, text
included; `control`: change modes and legs, create and end calls; `listen`: hear a caller's voice,
which takes `control` and the setting `admin.listen_in`."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """With `{name}` for its parameters."""
    role: Role
    handler: Handler


_ROLE_TABLE = web.AppKey("roles", dict[tuple[web.AbstractResource | None, str], Role])
"""By place and method, not by handler: one handler may serve two routes."""


def install(app: web.Application, routes: Iterable[Route]) -> None:
    """Let `app` answer the routes. GET answers HEAD as well."""
    roles = app.setdefault(_ROLE_TABLE, {})
    for route in routes:
        if route.method == "GET":
            added = app.router.add_get(route.path, route.handler)
        else:
            added = app.router.add_route(route.method, route.path, route.handler)
        roles[added.resource, route.method] = route.role


def role_of(request: web.Request) -> Role:
    """What it takes to ask this. A path or method that does not exist takes `read`: a stranger does
    not learn what there is. A route that is in no table takes `control`: forgotten is not open."""
    if request.match_info.http_exception is not None:
        return "read"
    route = request.match_info.route
    method = "GET" if route.method == "HEAD" else route.method
    return request.app[_ROLE_TABLE].get((route.resource, method), "control")
