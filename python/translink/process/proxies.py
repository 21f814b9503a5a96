"""The proxy that the environment names, which translink does not use.

A live stream through a proxy adds a hop whose buffers and time-outs nobody here can see, and a
proxy that cuts idle tunnels ends calls. So providers are reached directly; where a proxy is set,
that is said instead of time-outs that nobody can explain.
"""

from __future__ import annotations

from collections.abc import Mapping

PROXY_NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "WSS_PROXY", "WS_PROXY")


def unused_proxies(environ: Mapping[str, str]) -> list[str]:
    """Names of the variables that name a proxy, as they are written. Their values, which may hold a
    password, are not looked at."""
    return sorted(name for name, value in environ.items() if name.upper() in PROXY_NAMES and value)


def proxy_warning(names: list[str]) -> str:
    """What is said of them."""
    return (
        f"{' and '.join(names)}: not used, translink reaches its providers directly; let it through "
        "the firewall, or name a relay of your own in DEEPGRAM_BASE_URL and DEEPL_SERVER_URL"
    )
