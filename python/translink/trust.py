"""The certificate authorities that this machine trusts, for every connection that we open with TLS.

Reading them takes OpenSSL 20 ms of processor time, for each context: all of ours share this one. aiohttp
would read them twice more while it is imported, for two contexts that are not used then
(`process.startup`); so each of its sessions is given this one.
"""

from __future__ import annotations

import ssl
import threading

_lock = threading.Lock()
_context: ssl.SSLContext | None = None


def authorities() -> ssl.SSLContext:
    """For clients: certificate and name are checked. The same at every call; the first one reads files,
    and waits if `read_ahead` does that at this moment. Change nothing in it."""
    global _context
    with _lock:
        if _context is None:
            _context = ssl.create_default_context()
            _context.set_alpn_protocols(("http/1.1",))
        return _context


def read_ahead() -> None:
    """Read them in a thread, beside a start that has other things to do: OpenSSL holds no lock of Python's."""
    threading.Thread(target=authorities, name="authorities", daemon=True).start()
