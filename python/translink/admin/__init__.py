"""The admin server: what is going on, and the few things that can be done about it, over HTTP.

It runs on the loop that serves the calls and asks one `Console` for everything; it holds no
state of its own besides its sockets. Nothing here waits for a slow client: an event stream that
does not keep up is cut off.

    server = AdminServer(console, host="127.0.0.1", port=3020)
    await server.start()
    …
    await server.close()

`guard` decides which requests are allowed, for every route in one place: on loopback nobody needs a token
where none is set; any other address needs one, shown in each request or once at log-in, for all
but the page's files and the bare `/health` and `/ready`. docs/security.md says against whom.
"""

from translink.admin.panel.console import Console
from translink.admin.server import AdminServer

__all__ = ["AdminServer", "Console"]
