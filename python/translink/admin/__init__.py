"""The admin API and the dashboard: what is going on, and the few things that can be done about it.

It runs on the loop that serves the calls, asks one `Console` for everything and keeps nothing of its own
but sockets: `access/` guards, `routes/` serve, `panel/` sees the program. May import `calls`, `observe`
and below. Start reading at `server`.
"""

from translink.admin.panel.console import Console
from translink.admin.server import AdminServer

__all__ = ["AdminServer", "Console"]
