"""Who is trusted: read once, and by every session that opens connections."""

from __future__ import annotations

import ast
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.test_architecture import modules
from translink import trust
from translink.process.startup import quick_imports

LOOPBACK = {"callers.server_process", "callers.talk_demo"}
"""Their servers are their own, on this machine, without TLS."""


def test_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_context", None)
    trust.read_ahead()
    first = trust.authorities()
    assert first is trust.authorities()
    assert (first.verify_mode, first.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_what_is_made_while_modules_are_loaded_trusts_nobody_and_later_all_is_as_it_was() -> None:
    usual = len(ssl.create_default_context().get_ca_certs())
    with quick_imports(), quick_imports():
        context = ssl.create_default_context()
        assert context.get_ca_certs() == []
        assert context.verify_mode is ssl.CERT_REQUIRED
        with ThreadPoolExecutor() as other:
            beside = other.submit(ssl.create_default_context).result(60)
        assert len(beside.get_ca_certs()) == usual
    assert len(ssl.create_default_context().get_ca_certs()) == usual


def test_a_server_reads_no_authorities_while_it_is_loaded() -> None:
    script = (
        "from translink.process.startup import quick_imports\n"
        "with quick_imports():\n"
        "    import translink.app, translink.trust, aiohttp.connector as c\n"
        "print(len(c._SSL_CONTEXT_VERIFIED.get_ca_certs()), translink.trust._context)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "0 None\n"


def test_every_session_is_given_whom_to_trust() -> None:
    """aiohttp's own context has no authorities in a server (`quick_imports`)."""
    untrusting, sessions = [], 0
    for name, path in modules().items():
        if name in LOOPBACK:
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            needed = {"ClientSession": "connector", "TCPConnector": "ssl"}.get(call.func.attr)
            sessions += needed is not None
            if needed is not None and needed not in {word.arg for word in call.keywords}:
                untrusting.append(f"{name}:{call.lineno}")
    assert untrusting == []
    assert sessions > 5
