"""Access to a running server: log-in, roles, wrong tokens, limits of what a client may send."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from multidict import CIMultiDict

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access import guard as guard_module
from translink.admin.access.guard import BODY_LIMIT, FIELDS_LIMIT, Guard
from translink.admin.access.headers import HEADERS
from translink.admin.access.roles import Access
from translink.admin.access.throttle import GUESSES_AT_ONCE
from translink.admin.http.route import Route, install

CONTROL, READ = "control sesame", "read sesame"
Ask = Callable[..., Awaitable[int]]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def strict(program: Program, clock: Clock) -> AsyncIterator[AdminServer]:
    """With both tokens, believing the proxy on this machine."""
    access = Access("127.0.0.1", CONTROL, read_token=READ)
    guard = Guard(access, clock=clock, proxies=("127.0.0.1",), session_time=600)
    server = AdminServer(program, port=0, guard=guard)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps cookies, also those of a bare address."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def log_in(browser: aiohttp.ClientSession, server: AdminServer, token: str) -> int:
    async with browser.post(server.url + "/login", json={"token": token}) as answer:
        return answer.status


@contextlib.asynccontextmanager
async def alone(guard: Guard, *, listen: str = "", forgotten: str = "") -> AsyncIterator[Ask]:
    """The guard before an application of two routes, and a way to ask for a path's status."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[guard.middleware])
    install(app, [Route("GET", listen, "listen", handler)] if listen else [])
    install(app, [Route("POST", "/act", "open", handler)])
    if forgotten:
        app.router.add_get(forgotten, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    async def ask(path: str, token: str | None = None, *, form: bool | None = None) -> int:
        url = f"http://127.0.0.1:{site.port}{path}"
        method = "GET" if form is None else "POST"
        body: dict[str, Any] = {"data": {"a": "b"}} if form else {"json": {}}
        headers = bearer(token) if token else {}
        async with http.request(method, url, headers=headers, **body) as answer:
            return answer.status

    try:
        async with aiohttp.ClientSession() as http:
            yield ask
    finally:
        await runner.cleanup()


# --- Roles ---


async def test_the_reading_token_reads_and_changes_nothing(
    strict: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.get(strict.url + "/api/stats", headers=bearer(READ)) as answer:
        assert answer.status == 200
    for path in ("/api/mode", "/api/calls/3333-1/end"):
        body = {"mode": "auto"}
        async with http.post(strict.url + path, json=body, headers=bearer(READ)) as answer:
            assert answer.status == 403
            assert "control is needed; yours is read" in (await answer.json())["error"]
    assert program.modes == []
    async with http.post(
        strict.url + "/api/mode", json={"mode": "auto"}, headers=bearer(CONTROL)
    ) as answer:
        assert answer.status == 200


async def test_every_route_that_shows_or_does_something_is_closed_to_strangers(
    strict: AdminServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    """Whatever routes there will be: each is asked without a token, and with the reading one."""
    talk = {"/talk", "/api/talks/languages", "/api/talks/audio"}  # audio: by a link only
    open_paths = {"/", "/health", "/ready", "/login", "/logout", "/static/{name}", *talk}
    seen = 0
    for route in strict._routes():
        clock.now += 1  # a stranger may ask 25 times a second
        path = strict.url + route.path.replace("{", "").replace("}", "")
        async with http.request(route.method, path, json={}) as answer:
            if route.role == "open":
                assert route.path in open_paths
            else:
                seen += 1
                assert answer.status == 401, route
        if route.method == "GET" and route.role != "open":
            async with http.head(path) as answer:
                assert answer.status == 401, route
        if route.role in ("control", "listen"):
            async with http.request(route.method, path, json={}, headers=bearer(READ)) as answer:
                assert answer.status == 403, route
        if route.method != "GET":
            assert route.role in ("control", "listen") or route.path in open_paths, route
    assert seen >= 6


async def test_a_route_that_stands_in_no_table_is_for_control_only() -> None:
    guard = Guard(Access("127.0.0.1", CONTROL, read_token=READ))
    async with alone(guard, forgotten="/forgotten") as ask:
        assert await ask("/forgotten") == 401
        assert await ask("/forgotten", READ) == 403
        assert await ask("/forgotten", CONTROL) == 200


async def test_a_stranger_does_not_learn_what_paths_there_are(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    for path in ("/nothing", "/api/nothing"):
        async with http.get(strict.url + path) as answer:
            assert answer.status == 401
    async with http.delete(strict.url + "/api/stats") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("listen_in", "token", "status"),
    [(False, CONTROL, 403), (True, READ, 403), (True, None, 401), (True, CONTROL, 200)],
)
async def test_listening_in_takes_the_setting_and_the_role(
    listen_in: bool, token: str | None, status: int
) -> None:
    guard = Guard(Access("127.0.0.1", CONTROL, read_token=READ, listen_in=listen_in))
    async with alone(guard, listen="/audio") as ask:
        assert await ask("/audio", token) == status


async def test_what_is_done_with_the_role_control_is_logged(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with http.post(
            strict.url + "/api/mode", json={"mode": "auto"}, headers=bearer(CONTROL)
        ):
            pass
    (line,) = [line for line in lines if "control" in line["event"]]
    assert (line["method"], line["path"], line["address"]) == ("POST", "/api/mode", "127.0.0.1")


# --- Sessions ---


async def test_a_browser_logs_in_and_its_cookie_opens_api_and_stream(
    strict: AdminServer, browser: aiohttp.ClientSession, program: Program
) -> None:
    assert await log_in(browser, strict, CONTROL) == 200
    async with browser.get(strict.url + "/api/session") as answer:
        assert (await answer.json())["role"] == "control"
    own = {"Origin": strict.url}
    async with browser.post(strict.url + "/api/mode", json={"mode": "auto"}, headers=own) as answer:
        assert answer.status == 200
    async with browser.ws_connect(strict.url + "/api/events", headers=own) as stream:
        assert (await stream.receive_json())["type"] == "hello"


async def test_no_script_and_no_other_site_gets_the_cookie(
    strict: AdminServer, browser: aiohttp.ClientSession
) -> None:
    async with browser.post(strict.url + "/login", json={"token": READ}) as answer:
        (cookie,) = answer.cookies.values()
        body = await answer.text()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert len(cookie.value) >= 43
    assert cookie.value not in body
    assert READ not in body + cookie.OutputString()
    over_tls = {"X-Forwarded-Proto": "https"}
    async with browser.post(
        strict.url + "/login", json={"token": READ}, headers=over_tls
    ) as answer:
        (cookie,) = answer.cookies.values()
    assert cookie["secure"]
    assert cookie.key.startswith("__Host-")


async def test_the_cookie_alone_does_not_act_without_its_origin(
    strict: AdminServer, browser: aiohttp.ClientSession, program: Program
) -> None:
    await log_in(browser, strict, CONTROL)
    url = strict.url + "/api/mode"
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        async with browser.post(url, json={"mode": "auto"}, headers=headers) as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await browser.ws_connect(strict.url + "/api/events", headers=headers)
    form = {"Origin": strict.url}
    async with browser.post(url, data={"mode": "auto"}, headers=form) as answer:
        assert answer.status == 415
    assert program.modes == []


async def test_a_form_acts_on_no_route_whatever_its_handler_forgot() -> None:
    async with alone(Guard(Access("127.0.0.1"))) as ask:
        assert await ask("/act", form=True) == 415
        assert await ask("/act", form=False) == 200


async def test_a_session_ends_by_log_out_and_by_time(
    strict: AdminServer, browser: aiohttp.ClientSession, clock: Clock
) -> None:
    await log_in(browser, strict, READ)
    jar = [(cookie.key, cookie.value) for cookie in browser.cookie_jar]
    own = {"Origin": strict.url}
    async with browser.post(strict.url + "/logout", json={}, headers=own) as answer:
        assert answer.status == 200
    assert not list(browser.cookie_jar)
    async with browser.get(strict.url + "/api/stats", cookies=dict(jar)) as answer:
        assert answer.status == 401
    browser.cookie_jar.clear()
    await log_in(browser, strict, READ)
    clock.now += 601
    async with browser.get(strict.url + "/api/stats") as answer:
        assert answer.status == 401


async def test_with_the_session_its_streams_end(
    strict: AdminServer, browser: aiohttp.ClientSession, http: aiohttp.ClientSession
) -> None:
    await log_in(browser, strict, READ)
    own = {"Origin": strict.url}
    async with (
        browser.ws_connect(strict.url + "/api/events", headers=own) as mine,
        http.ws_connect(strict.url + "/api/events", headers=bearer(READ)) as anothers,
    ):
        await mine.receive_json()
        await anothers.receive_json()
        async with browser.post(strict.url + "/logout", json={}, headers=own):
            pass
        message = await mine.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        await anothers.ping()
        assert not anothers.closed


async def test_with_a_session_that_expired_its_streams_end(
    strict: AdminServer, browser: aiohttp.ClientSession, clock: Clock
) -> None:
    await log_in(browser, strict, READ)
    async with browser.ws_connect(
        strict.url + "/api/live", headers={"Origin": strict.url}
    ) as stream:
        await stream.receive_json()
        clock.now += strict.guard.sessions.idle + 1
        message = await stream.receive(timeout=10)
        while message.type is aiohttp.WSMsgType.TEXT:
            message = await stream.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_two_log_ins_never_share_an_id(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    ids = set()
    for _ in range(3):
        async with http.post(strict.url + "/login", json={"token": READ}) as answer:
            ids |= {cookie.value for cookie in answer.cookies.values()}
    assert len(ids) == 3
    for one, two in itertools.combinations(ids, 2):  # nor does one give another away
        assert sum(a == b for a, b in zip(one, two, strict=True)) < len(one) / 2


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{", b'{"token": 7}', b""])
async def test_an_odd_log_in_is_refused(
    strict: AdminServer, http: aiohttp.ClientSession, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(strict.url + "/login", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert not answer.cookies


async def test_without_tokens_nobody_need_log_in(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(server.url + "/api/session") as answer:
        assert await answer.json() == {"role": "control", "token_needed": False, "listen_in": False}
    async with http.post(server.url + "/login", json={"token": "any"}) as answer:
        assert answer.status == 200
        assert not answer.cookies


# --- Wrong tokens ---


async def test_guessing_is_slowed_down_and_a_right_guess_is_not_revealed(
    strict: AdminServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    mallory = {"X-Forwarded-For": "192.0.2.66"}
    statuses = []
    for number in range(GUESSES_AT_ONCE + 3):
        wrong = {**mallory, **bearer(f"guess {number}")}
        async with http.get(strict.url + "/api/stats", headers=wrong) as answer:
            statuses.append(answer.status)
    assert statuses == [401] * GUESSES_AT_ONCE + [429] * 3
    for attempt in (
        http.get(strict.url + "/api/stats", headers={**mallory, **bearer(CONTROL)}),
        http.post(strict.url + "/login", json={"token": CONTROL}, headers=mallory),
    ):
        async with attempt as answer:
            assert answer.status == 429
            wait = int(answer.headers["Retry-After"])
    async with http.get(strict.url + "/api/stats", headers=bearer(CONTROL)) as answer:
        assert answer.status == 200  # from elsewhere
        assert (await answer.json())["admin"]["failed_tokens"] == GUESSES_AT_ONCE
    clock.now += wait
    async with http.get(strict.url + "/api/stats", headers={**mallory, **bearer(CONTROL)}) as got:
        assert got.status == 200


async def test_health_is_told_to_those_whose_address_has_to_wait(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    """Without what a token shows; it is not looked at."""
    for number in range(GUESSES_AT_ONCE + 1):
        async with http.get(strict.url + "/metrics", headers=bearer(f"guess {number}")) as answer:
            assert answer.status == (429 if number == GUESSES_AT_ONCE else 401)
    for path in ("/health", "/ready"):
        for token in (CONTROL, "guess"):
            async with http.get(strict.url + path, headers=bearer(token)) as answer:
                assert answer.status == 200
                assert await answer.json() == {"ok": True}
    assert await log_in(http, strict, CONTROL) == 429


async def test_guessing_at_the_log_in_counts_too(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    statuses = [
        await log_in(http, strict, f"guess {number}") for number in range(GUESSES_AT_ONCE + 1)
    ]
    assert statuses == [401] * GUESSES_AT_ONCE + [429]


async def test_guessing_by_subprotocol_counts_too(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    for number in range(GUESSES_AT_ONCE + 1):
        guess = base64.urlsafe_b64encode(b"guess %d" % number).decode().rstrip("=")
        status = "429" if number == GUESSES_AT_ONCE else "401"
        with pytest.raises(aiohttp.WSServerHandshakeError, match=status):
            await http.ws_connect(strict.url + "/api/events", protocols=(f"bearer.{guess}",))


async def test_a_session_goes_on_while_its_address_has_to_wait(
    strict: AdminServer, browser: aiohttp.ClientSession
) -> None:
    await log_in(browser, strict, READ)
    async with aiohttp.ClientSession() as mallory:
        for number in range(GUESSES_AT_ONCE + 1):
            await log_in(mallory, strict, f"guess {number}")
    async with browser.get(strict.url + "/api/stats") as answer:
        assert answer.status == 200


async def test_only_a_proxy_we_believe_says_where_a_request_comes_from(
    program: Program, http: aiohttp.ClientSession
) -> None:
    server = AdminServer(program, port=0, token=CONTROL)
    await server.start()
    try:
        for number in range(GUESSES_AT_ONCE + 1):
            said = {"X-Forwarded-For": f"192.0.2.{number}", **bearer("guess")}
            async with http.get(server.url + "/api/stats", headers=said) as answer:
                assert answer.status == (429 if number == GUESSES_AT_ONCE else 401)
    finally:
        await server.close()


async def test_of_two_lines_that_say_so_the_proxys_is_believed(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    """A proxy that adds a line of its own leaves the client's where it was: 40 guesses, 40 × 401."""
    for number in range(GUESSES_AT_ONCE + 3):
        said = CIMultiDict(bearer("guess"))
        said.add("X-Forwarded-For", f"198.51.100.{number}")
        said.add("X-Forwarded-For", "192.0.2.66")
        async with http.get(strict.url + "/api/stats", headers=said) as answer:
            assert answer.status == (401 if number < GUESSES_AT_ONCE else 429)


async def test_wrong_tokens_are_logged_without_the_token(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            async with http.get(strict.url + "/api/stats", headers=bearer("a-guess")):
                pass
    (line,) = [line for line in lines if "wrong token" in line["event"]]
    assert line["address"] == "127.0.0.1"
    assert "a-guess" not in str(lines)


# --- What a client may send, and what it gets ---


async def test_every_answer_carries_the_security_headers(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    for path, token in (("/", None), ("/api/stats", READ), ("/api/stats", None), ("/x", READ)):
        headers = bearer(token) if token else {}
        async with http.get(strict.url + path, headers=headers) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_bug_is_for_the_log_and_not_for_the_client(
    strict: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    def fail() -> list[dict[str, Any]]:
        raise RuntimeError("the inside of translink")

    program.calls = fail  # type: ignore[method-assign,assignment]
    with structlog.testing.capture_logs() as lines:
        async with http.get(strict.url + "/api/calls", headers=bearer(READ)) as answer:
            assert answer.status == 500
            assert list(await answer.json()) == ["error"]
            said = await answer.text()
    assert "inside" not in said
    assert [line for line in lines if line.get("exc_info")]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused(
    strict: AdminServer, http: aiohttp.ClientSession, chunked: bool
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1000 + 2):
            yield b" " * 1000

    data = parts() if chunked else b" " * (BODY_LIMIT + 1)
    headers = {"Content-Type": "application/json"}
    async with http.post(strict.url + "/login", data=data, headers=headers) as answer:
        assert answer.status == 413


async def test_a_strangers_body_is_not_even_read(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    headers = {"Content-Type": "application/json"}
    async with asyncio.timeout(5):
        async with http.post(strict.url + "/api/mode", data=body(), headers=headers) as answer:
            assert answer.status == 401


async def test_a_body_that_does_not_come_is_not_waited_for(
    strict: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "BODY_TIME", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", strict.port)
    writer.write(
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        + b"".join(b"X-%d: a\r\n" % number for number in range(FIELDS_LIMIT + 1))
        + b"\r\n",
    ],
    ids=["line", "field", "fields"],
)
async def test_a_large_head_is_refused(strict: AdminServer, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict.port)
    writer.write(head)
    async with asyncio.timeout(5):
        assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_requests_that_are_none_are_counted_and_do_not_fill_the_log(
    strict: AdminServer, caplog: pytest.LogCaptureFixture
) -> None:
    secret = b"what-a-stranger-wrote"
    for junk in (
        b"GET / HTTP/9.9 " + secret + b"\r\n\r\n",
        b"\x00" + secret + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + secret + b"\r\n\r\n",
    ) * 5:
        reader, writer = await asyncio.open_connection("127.0.0.1", strict.port)
        writer.write(junk)
        async with asyncio.timeout(5):
            assert b" 400 " in await reader.readline()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    assert strict.guard.counts()["bad_requests"] == 15
    said = [record.getMessage() for record in caplog.records if record.name.endswith("admin.http")]
    assert len(said) == 1
    assert len(caplog.text.splitlines()) < 5
    assert secret.decode() not in caplog.text


async def test_a_little_that_becomes_much_is_not_unpacked(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    packed = gzip.compress(b'{"token": "' + b" " * 10_000_000 + b'"}')
    assert len(packed) < BODY_LIMIT
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with http.post(strict.url + "/login", data=packed, headers=headers) as answer:
        assert answer.status == 400


async def test_a_stream_takes_no_long_message_from_its_client(
    strict: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(strict.url + "/api/events", headers=bearer(READ)) as stream:
        await stream.receive_json()
        await stream.send_str("x" * 5_000)
        message = await stream.receive(timeout=2)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1009
