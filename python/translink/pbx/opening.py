"""How a WebSocket connection begins: the request, the leg it is for, and the answer. Sans-IO.

The opening handshake (RFC 6455, 4) is `websockets`' own. Which dialect it is shows in the subprotocol:
`media` is Asterisk's `chan_websocket`, `translink.talk` a page, none is Twilio's Media Streams.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qs, unquote

from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from translink.settings.websocket import TALK_PROTOCOL

WebSocketDialect = Literal["asterisk", "twilio", "browser"]

LONGEST_HEAD = 8_192
"""Bytes of a request."""
MEDIA_PROTOCOL = Subprotocol("media")
"""Asterisk's."""
PLACE = "/media/"

_quiet = logging.getLogger("translink.websocket.opening")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class RefusedOpening(Exception):
    """Why there is no connection; `answer` is what to send."""

    def __init__(self, reason: str, answer: bytes) -> None:
        super().__init__(reason)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Invitation:
    """A connection that may be."""

    leg: str
    """As the path names it."""
    call: str
    """Meets others of that name; empty = the leg itself."""
    dialect: WebSocketDialect
    seat: str = ""
    """Whose connection it is, where we asked for it (`?seat=`)."""


class Opening:
    """The HTTP handshake of one connection, and its credentials. Sans-IO."""

    def __init__(
        self,
        *,
        origins: Collection[str] = (),
        password: str | None = None,
        twilio_token: str | None = None,
    ) -> None:
        self._protocol = ServerProtocol(
            origins=[None, *(Origin(origin) for origin in origins)],
            subprotocols=[MEDIA_PROTOCOL, Subprotocol(TALK_PROTOCOL)],
            select_subprotocol=_select,
            logger=_quiet,
        )
        self._password = password
        self._twilio_token = twilio_token
        self._taken = 0
        self._request: Request | None = None

    def take(self, data: bytes) -> Invitation | None:
        """More of the request; None: it is not complete. Raises `RefusedOpening`."""
        self._taken += len(data)
        if self._taken > LONGEST_HEAD:
            raise self._refusal(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "its request is too long"
            )
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._request = event
                return self._asked(event)
        if (error := self._protocol.handshake_exc) is not None:
            raise RefusedOpening(f"it does not speak HTTP: {error}", b"")
        return None

    def accepted(self) -> bytes:
        """The answer that opens the connection. Raises `RefusedOpening` where the handshake itself is wrong."""
        assert self._request is not None
        response = self._protocol.accept(self._request)
        self._protocol.send_response(response)
        answer = b"".join(self._protocol.data_to_send())
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            raise RefusedOpening(str(self._protocol.handshake_exc), answer)
        return answer

    def refused(self, status: HTTPStatus, reason: str) -> RefusedOpening:
        """The answer that does not."""
        return self._refusal(status, reason)

    def _asked(self, request: Request) -> Invitation:
        path, _, query = request.path.partition("?")
        leg, _, call = path.removeprefix(PLACE).partition("/")
        if not path.startswith(PLACE) or not leg:
            raise self._refusal(HTTPStatus.NOT_FOUND, "its path is not /media/LEG")
        # They may stand in several lines (RFC 6455, 11.3.4).
        offered = request.headers.get_all("Sec-WebSocket-Protocol")
        names = {name.strip() for line in offered for name in line.split(",")}
        dialect: WebSocketDialect = (
            "asterisk"
            if MEDIA_PROTOCOL in names
            else "browser"
            if TALK_PROTOCOL in names
            else "twilio"
        )
        self._check(request, path)
        seat = parse_qs(query).get("seat", [""])[0]
        return Invitation(unquote(leg), unquote(call), dialect, seat)

    def _check(self, request: Request, path: str) -> None:
        """Raises `RefusedOpening` for somebody who may not."""
        if self._password is None and self._twilio_token is None:
            return
        shown = _shown(self._only(request, "Authorization"))
        if self._password is not None and hmac.compare_digest(shown, self._password.encode()):
            return
        signature = self._only(request, "X-Twilio-Signature")
        if self._twilio_token is not None and signature:
            # Twilio signs the URL as it is written in its <Stream>, which has no query.
            host = self._only(request, "Host")
            for scheme in ("wss", "ws", "https"):
                if hmac.compare_digest(
                    signature.encode(errors="replace"),
                    twilio_signature(self._twilio_token, f"{scheme}://{host}{path}").encode(),
                ):
                    return
        raise self._refusal(HTTPStatus.UNAUTHORIZED, "it shows no password, or a wrong one")

    def _only(self, request: Request, name: str) -> str:
        """A header that comes once; empty = not at all. Raises `RefusedOpening`."""
        values = request.headers.get_all(name)
        if len(values) > 1:
            raise self._refusal(HTTPStatus.BAD_REQUEST, f"it has {name} more than once")
        return values[0] if values else ""

    def _refusal(self, status: HTTPStatus, reason: str) -> RefusedOpening:
        body = f"{reason}\n".encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\n"
        if status == HTTPStatus.UNAUTHORIZED:
            head += 'WWW-Authenticate: Basic realm="translink"\r\n'
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return RefusedOpening(reason, head.encode() + body)


def twilio_signature(token: str, url: str) -> str:
    """`X-Twilio-Signature` of a WebSocket's URL: base64 of HMAC-SHA1. Source: Twilio's page "Webhooks
    security"."""
    return base64.b64encode(hmac.digest(token.encode(), url.encode(), hashlib.sha1)).decode()


def _shown(authorization: str) -> bytes:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode(errors="replace")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _select(_: ServerProtocol, offered: Collection[Subprotocol]) -> Subprotocol | None:
    """None is right for Twilio, which offers none; others' are passed over."""
    for known in (MEDIA_PROTOCOL, Subprotocol(TALK_PROTOCOL)):
        if known in offered:
            return known
    if offered:
        raise InvalidHandshake("its subprotocols should have media or translink.talk")
    return None
