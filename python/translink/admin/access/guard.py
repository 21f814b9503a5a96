"""The guard: one middleware that every request of the admin server passes, and the way to log in.

Theory of operation
    Each route stands in a table with the role that it takes (`routes`). For
    each request the guard asks `Access` whether it may be looked at, finds the client's role (by a token, or
    a session that began with one), asks `Access` again, reads the body within its bounds of size and
    time, and only then calls the handler. Tokens pass the `Throttle` first. Whatever goes wrong is
    answered in JSON with a true status and without details of the inside; every answer carries the
    security headers. What is no request never gets here: aiohttp answers it 400, in plain text.

    What is done with the role `control` is logged, with the address it was asked from. Wrong tokens are
    logged too, once a minute, then counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
import structlog
from aiohttp import web

from translink.admin.access.connections import Connections
from translink.admin.access.headers import HEADERS
from translink.admin.access.noise import Noise
from translink.admin.access.rate import LONGEST_REQUEST_WAIT, REQUEST, ClientKind, RequestRate
from translink.admin.access.roles import SAFE_METHODS, Access, opens_stream, token_in
from translink.admin.access.sessions import Sessions
from translink.admin.access.throttle import Throttle
from translink.admin.http.metered import Metered
from translink.admin.http.responses import answer, must_be_json
from translink.admin.http.route import Handler, Role, Route, role_of
from translink.log import RateLimit

BODY_LIMIT = 65_536
"""Bytes of a request's body; ours are a few dozen."""
BODY_TIME = 10.0
"""Seconds for it to come."""
LINE_LIMIT = 4_096
FIELD_LIMIT = 8_190
FIELDS_LIMIT = 64
"""Of a request: bytes of its first line, bytes of a header field, number of fields."""

ROLE: web.RequestKey[Role] = web.RequestKey("translink.role", str)  # type: ignore[arg-type]
"""The client's role; absent on an open route without a token."""

log = structlog.get_logger("translink.admin")


class Guard:
    """Decides for one server. Its `middleware` goes into the application."""

    def __init__(
        self,
        access: Access,
        *,
        session_time: float = 43_200.0,
        proxies: Iterable[str] = (),
        secure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        session_time: seconds without a request that end a browser's session.
        proxies: addresses whose `X-Forwarded-For` is believed.
        secure: we speak TLS ourselves.
        clock: seconds, for tests.
        """
        self.access = access
        self.throttle = Throttle()
        self.rate = RequestRate()
        self.noise = Noise()
        self.sessions = Sessions(session_time)
        self._proxies = frozenset(proxies)
        self._secure = secure
        self._clock = clock
        self._limit = RateLimit()
        self._streams: dict[str, set[asyncio.Transport]] = {}
        """Of each session that has WebSockets open: they end with it."""
        self.connections: Connections | None = None
        """Called when a request begins and ends."""
        self.seconds = 0.0
        """Time of the loop's thread spent on answering."""

    def routes(self) -> list[Route]:
        """The table: log in, log out, who am I."""
        return [
            Route("POST", "/login", "open", self._log_in),
            Route("POST", "/logout", "open", self._log_out),
            Route("GET", "/api/session", "read", self._session),
        ]

    def counts(self) -> dict[str, int]:
        """Refusals and failed tokens so far, by name, for `/api/stats`."""
        counts = {
            "failed_tokens": self.throttle.failed_tokens,
            "throttled": self.throttle.throttled,
            "delayed": self.rate.delayed,
            "refused": self.rate.refused,
            "bad_requests": self.noise.bad_requests,
            "sessions": len(self.sessions),
        }
        if self.connections is not None:
            counts |= {
                "connections": len(self.connections),
                "connections_refused": self.connections.refused,
                "connections_cut_off": self.connections.cut_off,
            }
        return counts

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request passes here."""
        transport = request.transport
        try:
            response = await self._in_turn(request, handler, self._verdict(request))
        finally:
            if self.connections is not None:
                self.connections.ended(transport)
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    async def _in_turn(
        self, request: web.Request, handler: Handler, refusal: web.Response | None
    ) -> web.StreamResponse:
        """Wait for the turn, within bounds, and answer. A refusal has its turn like any answer: a flood of requests
        that may not be costs the calls' loop as much."""
        kind: ClientKind = "known" if ROLE in request else "stranger"
        wait = self.rate.wait(kind, self._address(request), self._clock())
        if wait is None:
            response = _try_later("the admin server is asked for more than it may do beside calls")
            response.force_close()  # what was sent behind it is not answered at all
            return response
        if wait > 0 and self.connections is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self.connections.gone(request.transport).wait()
                    self.rate.forgo(kind)
                    raise ConnectionResetError("the client hung up")
        if refusal is not None:
            self.seconds += REQUEST
            return refusal
        work = Metered(self._answer(request, handler))
        answered = await work
        if not isinstance(answered, web.WebSocketResponse):
            # A stream's time is not its request's: its own bounds hold.
            self.seconds += work.seconds
            self.rate.spent(kind, min(work.seconds, LONGEST_REQUEST_WAIT))
        return answered

    # --- The client's role ---

    def _verdict(self, request: web.Request) -> web.Response | None:
        """The answer to a request that may not be, or None; sets the request's role."""
        reason = self.access.refuses(request.method, request.headers)
        if reason is not None:
            return problem(403, reason)
        role: Role | None = None
        token = token_in(request.headers)
        if not self.access.wants_token:
            role = "control"
        elif token is not None:
            checked = self._check(request, token)
            if not isinstance(checked, web.Response):
                role = checked
            elif role_of(request) != "open":
                return checked
        elif session := self._session_id(request):
            role = self.sessions.role(session, self._clock())
            if role is not None:
                reason = self.access.refuses_session(request.method, request.headers)
                if reason is not None:
                    return problem(403, reason)
        if role is not None:
            request[ROLE] = role
        wanted = role_of(request)
        if (refusal := self.access.forbids(wanted, role)) is not None:
            return problem(*refusal)
        if wanted in ("control", "listen"):
            log.info(
                "asked for with the role control",
                method=request.method,
                path=request.path[:200],
                address=self._address(request),
            )
        return None

    def _check(self, request: web.Request, token: bytes) -> Role | web.Response | None:
        """The role of a shown token; an answer, when too many wrong ones came from there."""
        address, now = self._address(request), self._clock()
        if (wait := self.throttle.wait(address, now)) > 0:
            return _try_later("too many wrong tokens; try again later", wait)
        role = self.access.role_of(token)
        if role is not None:
            self.throttle.succeeded(address)
            return role
        self.throttle.failed(address, now)
        if (unlogged := self._limit.due("wrong token", now)) is not None:
            log.warning("a wrong token was shown", address=address, unlogged=unlogged)
        return None

    def _address(self, request: web.Request) -> str:
        """Where the request comes from: through proxies we believe, what the last of them saw."""
        address = request.remote or ""
        # All lines of that name are one list; a client may have sent the first of them.
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        while address in self._proxies and forwarded and (said := forwarded.pop().strip()):
            address = said
        return address[:64]

    def _cookie(self, request: web.Request) -> str:
        """Its name. Cookies know no ports, so ours goes into the name."""
        prefix = "__Host-" if self._is_secure(request) else ""
        port = request.host.rpartition(":")[2]
        return f"{prefix}translink-{port if port.isdecimal() else 'session'}"

    def _is_secure(self, request: web.Request) -> bool:
        through_proxy = request.remote in self._proxies
        return self._secure or (
            through_proxy and request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        )

    # --- Calling the handler ---

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.method not in SAFE_METHODS and request.match_info.http_exception is None:
                if request.method != "DELETE" or request.can_read_body:
                    must_be_json(request)  # no form can send a DELETE
                await _body(request)
            if self.connections is not None:
                self.connections.begun(request.transport)
            with self._streaming(request):
                return await handler(request)
        except web.HTTPException as error:
            error.__traceback__ = None  # its frames have the request, which may have it
            response = problem(error.status, error.reason)
            for name in ("Allow", "Retry-After"):
                if name in error.headers:
                    response.headers[name] = error.headers[name]
            return response
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("a bug in the admin server", method=request.method)
            return problem(500, "a bug in translink; the log has the details")

    # --- Sessions ---

    def _session_id(self, request: web.Request) -> str:
        return request.cookies.get(self._cookie(request), "")

    @contextlib.contextmanager
    def _streaming(self, request: web.Request) -> Iterator[None]:
        """While a WebSocket is open: note whose it is."""
        session, transport = self._session_id(request), request.transport
        if not (session and transport and opens_stream(request.headers)):
            yield
            return
        streams = self._streams.setdefault(session, set())
        streams.add(transport)
        try:
            yield
        finally:
            streams.discard(transport)
            if not streams:
                self._streams.pop(session, None)

    def end_streams(self) -> None:
        """Close the WebSockets of sessions that are over: expired, or ended by one too many."""
        now = self._clock()
        for session, streams in tuple(self._streams.items()):
            if not self.sessions.is_open(session, now):
                for transport in tuple(streams):
                    transport.abort()

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        if not self.access.wants_token:
            return answer(self._described("control"))
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            body = None
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            return problem(400, 'the body should be {"token": "…"}')
        role = self._check(request, token.strip().encode(errors="surrogatepass"))
        if isinstance(role, web.Response):
            return role
        if role is None:
            return problem(401, "wrong token")
        self.sessions.end(self._session_id(request))
        id_ = secrets.token_urlsafe(32)
        self.sessions.begin(id_, role, self._clock())
        log.info("logged in", role=role, address=self._address(request))
        response = answer(self._described(role))
        response.set_cookie(self._cookie(request), id_, **self._marks(request))
        return response

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        self.sessions.end(self._session_id(request))
        self.end_streams()
        response = answer({"role": None})
        response.del_cookie(self._cookie(request), **self._marks(request))
        return response

    def _marks(self, request: web.Request) -> dict[str, Any]:
        """Of the cookie: not for scripts, and not for requests that another site makes."""
        secure = self._is_secure(request)
        return {"path": "/", "httponly": True, "samesite": "Strict", "secure": secure}

    async def _session(self, request: web.Request) -> web.StreamResponse:
        return answer(self._described(request[ROLE]))

    def _described(self, role: Role) -> dict[str, Any]:
        return {
            "role": role,
            "token_needed": self.access.wants_token,
            "listen_in": self.access.listen_in and role == "control",
        }


def is_known(request: web.Request) -> bool:
    """Whether the client has a role: by a token or session, or because none is needed."""
    return ROLE in request


def problem(status: int, reason: str) -> web.Response:
    """The JSON answer `{"error": reason}` with this status; 401 names the scheme."""
    response = answer({"error": reason}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _try_later(reason: str, seconds: float = LONGEST_REQUEST_WAIT) -> web.Response:
    response = problem(429, reason)
    response.headers["Retry-After"] = str(int(seconds) + 1)
    return response


async def _body(request: web.Request) -> None:
    """Wait for all of it; the request keeps it, so that the handler's own `read` has it at once."""
    try:
        async with asyncio.timeout(BODY_TIME):
            await request.read()
    except TimeoutError:
        reason = f"the body should come within {BODY_TIME:g} s"
        raise web.HTTPRequestTimeout(reason=reason) from None
