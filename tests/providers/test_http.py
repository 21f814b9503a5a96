"""The HTTP client: warm connections, and what every kind of trouble becomes."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import time

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.web import fake_web, raw_server, read_request
from tests.support.paths import SHARED, needs_shared
from translink.errors import Kind, ProviderError, printable
from translink.providers.http import Http
from translink.providers.http_errors import describe, refusal, retry_after

KEY = "key-0123456789abcdef"
AUTH = {"Authorization": f"Token {KEY}"}


async def ok(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def test_requests_go_out_as_asked_one_after_the_other_on_one_connection() -> None:
    async with fake_web(ok) as server, Http() as http:
        answer = await http.request(
            "POST", f"{server.url}/x", provider="p", within=2, query=[("a", "1"), ("a", "2")]
        )
        await http.request("POST", f"{server.url}/x", provider="p", within=2, data=b"body")
    assert answer.json() == {"ok": True}
    first, second = server.seen
    assert first.query == [("a", "1"), ("a", "2")]
    assert first.headers["user-agent"].startswith("translink/")
    assert second.body == b"body"
    assert len(server.peers) == 1


async def test_warm_connections_are_there_when_they_are_needed() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(status=404)

    async with fake_web(slow) as server, Http() as http:
        assert await http.warm(server.url, count=3, headers=AUTH) == 3
        assert len(server.peers) == 3
        for _ in range(3):
            with pytest.raises(ProviderError):
                await http.request("GET", server.url, provider="p", within=2)
        assert len(server.peers) == 3


async def test_warming_is_bounded_and_never_raises() -> None:
    async with fake_web(ok) as server, Http() as http:
        await http.warm(server.url, count=100)
        assert len(server.peers) <= 8
    async with Http() as http:
        assert await http.warm(unused_url(), count=2) == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Kind.REFUSED),
        (400, Kind.REFUSED),
        (401, Kind.DENIED),
        (402, Kind.DENIED),
        (403, Kind.DENIED),
        (404, Kind.REFUSED),
        (408, Kind.TRANSIENT),
        (413, Kind.REFUSED),
        (429, Kind.BUSY),
        (456, Kind.DENIED),
        (500, Kind.TRANSIENT),
        (503, Kind.TRANSIENT),
        (504, Kind.TRANSIENT),
        (529, Kind.BUSY),
    ],
)
async def test_a_status_decides_the_class(status: int, kind: Kind) -> None:
    async def refuse(request: web.Request) -> web.Response:
        headers = {"X-Trace-ID": "trace-1", "Location": "http://elsewhere.invalid/"}
        return web.Response(status=status, headers=headers, body=b'{"message":"no"}')

    async with fake_web(refuse) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await http.request("POST", server.url, provider="p", within=2)
    error = caught.value
    assert (error.kind, error.status, error.request_id) == (kind, status, "trace-1")
    assert str(error) == f"p answered {status}: no"


async def test_neither_key_nor_query_shows_in_an_error() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response(
            {"err_code": "X", "err_msg": f"{request.headers['Authorization']} {request.url}"},
            status=400,
        )

    async with fake_web(echo) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await http.request(
                "GET", server.url, provider="p", within=2, headers=AUTH, query=[("q", "secret")]
            )
    assert "Token ***" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_refused_connection_is_transient() -> None:
    async def run() -> None:
        async with Http() as http:
            with pytest.raises(ProviderError) as caught:
                await http.request("GET", unused_url(), provider="p", within=2)
            assert caught.value.kind is Kind.TRANSIENT
            assert caught.value.status is None

    asyncio.run(run())


async def test_a_hanging_server_is_bounded() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(hang) as url, Http() as http:
        begun = time.monotonic()
        with pytest.raises(ProviderError, match="timed out") as caught:
            await http.request("GET", url, provider="p", within=0.1)
        assert time.monotonic() - begun < 10
        assert caught.value.kind is Kind.TRANSIENT


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage",
        b"garbage\r\n\r\n",
        HEAD + b"Content-Length: 10\r\n\r\nshort",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_a_broken_answer_is_transient(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async with raw_server(speak) as url, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await http.request("GET", url, provider="p", within=2)
        assert caught.value.kind is Kind.TRANSIENT


async def test_a_body_that_is_too_large_is_refused() -> None:
    async def large(request: web.Request) -> web.Response:
        return web.Response(body=bytes(2000))

    async with fake_web(large) as server, Http() as http:
        with pytest.raises(ProviderError, match="exceeds 1000 bytes"):
            await http.request("GET", server.url, provider="p", within=2, limit=1000)


async def test_a_body_that_is_no_json_is_reported() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async with fake_web(page) as server, Http() as http:
        answer = await http.request("GET", server.url, provider="p", within=2)
        with pytest.raises(ProviderError, match="not JSON") as caught:
            answer.json()
        assert caught.value.kind is Kind.TRANSIENT


async def test_an_idle_connection_closed_by_the_peer_costs_no_request() -> None:
    """The race of every kept-alive connection: the peer closes it just as the request goes out."""
    count = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await read_request(reader)
        writer.write(HEAD + b"Content-Length: 2\r\n\r\nok")
        if count == 1:
            await read_request(reader)  # Taken, but never answered.

    async with raw_server(once) as url, Http() as http:
        for _ in range(2):
            answer = await http.request("POST", url, provider="p", within=2, data=b"x")
            assert answer.body == b"ok"
    assert count == 2


async def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    count = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await read_request(reader)

    async with raw_server(drop) as url, Http() as http:
        with pytest.raises(ProviderError):
            await http.request("POST", url, provider="p", within=2, data=b"x")
    assert count == 1


class MovingName(AbstractResolver):
    """Every name has this address, and then another one."""

    address = "127.0.0.2"

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self.address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        pass


async def test_a_provider_that_moved_is_found_at_its_new_address_after_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = MovingName()
    monkeypatch.setattr("aiohttp.connector.DefaultResolver", lambda **_: name)
    async with fake_web(ok) as server, Http() as http:
        url = server.url.replace("127.0.0.1", "relay.invalid")
        with pytest.raises(ProviderError):  # nobody listens at the old one
            await http.request("GET", url, provider="p", within=2)
        name.address = "127.0.0.1"
        monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + 11)
        answer = await http.request("GET", url, provider="p", within=2)
    assert answer.json() == {"ok": True}


async def test_a_connection_whose_path_died_is_over_before_it_is_needed() -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"Content-Length: 6\r\n\r\nabc")
        await reader.read()

    async with (
        raw_server(begin) as url,
        Http() as http,
        http.stream("GET", url, provider="p", within=2) as reply,
    ):
        connection = reply._response.connection
        assert connection is not None
        assert connection.transport is not None
        line = connection.transport.get_extra_info("socket")
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        kept = [line.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        assert kept == [5, 2, 2]


async def test_a_stream_yields_before_the_body_ends_and_leaving_it_drops_the_connection() -> None:
    gone = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await reader.read()
        gone.set()

    async with raw_server(endless) as url, Http() as http:
        async with http.stream("GET", url, provider="p", within=2) as reply:
            assert await anext(aiter(reply.chunks())) == b"abc"
        await asyncio.wait_for(gone.wait(), 20)


async def test_a_stream_that_stalls_is_transient() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"Content-Length: 6\r\n\r\nabc")
        await reader.read()

    async with raw_server(stall) as url, Http() as http:
        received = b""
        with pytest.raises(ProviderError, match="timed out"):  # noqa: PT012
            async with http.stream("GET", url, provider="p", within=0.1) as reply:
                async for chunk in reply.chunks():
                    received += chunk
        assert received == b"abc"


async def test_using_it_outside_of_its_block_is_a_bug() -> None:
    with pytest.raises(RuntimeError):
        await Http().request("GET", "http://127.0.0.1:1", provider="p", within=1)


@needs_shared
def test_every_documented_error_body_is_understood() -> None:
    samples = sorted((SHARED / "protocols/data/deepgram/fixtures/docs-samples").glob("errors-*"))
    assert len(samples) == 24
    for path in samples:
        value = json.loads(path.read_text())
        said = describe(path.read_bytes())
        assert (value.get("err_msg") or value["message"]) in said
        assert (value.get("err_code") or value.get("error_code") or value["category"]) in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"<html>Bad Gateway</html>", ""),
        (b"plain words", "plain words"),
        (b'{"message":"Quota","detail":"for June"}', "Quota (for June)"),
        (b'{"message":7}', ""),
        (b"[1]", ""),
        (b"\xff", "\ufffd"),
    ],
)
def test_other_error_bodies(body: bytes, said: str) -> None:
    assert describe(body) == said


def test_retry_after_in_its_forms() -> None:
    assert retry_after({}) is None
    assert retry_after({"retry-after": "3"}) == 3
    assert retry_after({"retry-after-ms": "250", "retry-after": "3"}) == 0.25
    assert retry_after({"retry-after": "-3"}) is None
    assert retry_after({"retry-after": "inf"}) is None
    assert retry_after({"retry-after": "soon"}) is None
    later = retry_after({"retry-after": email.utils.formatdate(time.time() + 60, usegmt=True)})
    assert later is not None
    assert 55 < later <= 61
    assert retry_after({"retry-after": email.utils.formatdate(0, usegmt=True)}) == 0


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.dictionaries(st.sampled_from(["Retry-After", "dg-error", "x-trace-id"]), st.text()),
    st.integers(300, 999),
)
def test_a_refusal_is_always_one_line_that_is_safe_to_log(
    body: bytes, headers: dict[str, str], status: int
) -> None:
    error = refusal("p", status, headers, body + KEY.encode(), secret=KEY)
    assert KEY not in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 250
    assert error.retry_after is None or error.retry_after >= 0


def test_printable_cuts_queries_line_ends_and_length() -> None:
    text = printable("see https://h/p?token=x#y\nand\x1b[31m more " + "z" * 300)
    assert text.startswith("see https://h/p and [31m more zz")
    assert len(text) == 200


def unused_url() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
