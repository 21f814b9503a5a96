"""The admin server: what is going on, and the few things that can be done about it, over HTTP.

It runs on the loop that serves the calls and asks one `AdminSource` for everything; it holds no
state of its own besides its sockets. Nothing here waits for a slow client: an event stream that
does not keep up is cut off.

    server = AdminServer(source, host="127.0.0.1", port=3020)
    await server.start()
    …
    await server.close()

Who may ask is decided in `access`: loopback needs no token but a loopback `Host` header, so that a
web page elsewhere cannot reach it by a name that resolves to 127.0.0.1; any other address needs
the token in every request but the bare `/health` and `/ready`.
"""

from translink.admin.server import AdminServer
from translink.admin.source import AdminSource, EventFeed

__all__ = ["AdminServer", "AdminSource", "EventFeed"]
