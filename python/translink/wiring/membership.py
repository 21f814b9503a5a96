"""What a server that is one of several must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from translink.wiring.endpoints import Endpoints


@dataclass(frozen=True, slots=True)
class Membership:
    """Of a server among nodes."""

    name: str
    """Its own: names of its calls begin with it."""
    first_call: int
    """Its first call's number. A node that is started again gives no name twice."""
    endpoints: Endpoints | None
    """Where the services are; None: as the settings say, with local engines of its own where needed."""
    url: str
    """Of the admin API of all."""
    on_serving: Callable[[str], None]
    """Called with the URL of its own admin server once calls may come."""
    news: Callable[[], bool] = lambda: True
    """Whether its settings have come anew since this was asked last. A SIGHUP alone brings none."""
