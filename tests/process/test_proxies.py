"""A proxy in the environment is not used, and that is said."""

from __future__ import annotations

from translink.process.proxies import proxy_warning, unused_proxies


def test_names_are_shown_as_written_and_their_values_never() -> None:
    environ = {"https_proxy": "http://me:secret@proxy:1", "NO_PROXY": "x", "HTTP_PROXY": ""}
    names = unused_proxies(environ)
    assert names == ["https_proxy"]
    assert "https_proxy: not used" in proxy_warning(names)
    assert "secret" not in proxy_warning(names)
