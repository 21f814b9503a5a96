"""The beginning of a WebSocket, and who may have one."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.pbx.opening import (
    LONGEST_HEAD,
    Invitation,
    Opening,
    RefusedOpening,
    twilio_signature,
)

HEAD = (
    "GET {path} HTTP/1.1\r\nHost: calls.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


def request(path: str = "/media/3333", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return HEAD.format(path=path, more=more).encode()


def reason(opening: Opening, data: bytes) -> str:
    try:
        opening.take(data)
        opening.accepted()
    except RefusedOpening as refusal:
        return str(refusal)
    pytest.fail("it was let in")


def test_the_leg_the_call_and_the_dialect_are_read() -> None:
    opening = Opening()
    data = request("/media/3333/room%201?x=y", Sec_WebSocket_Protocol="media")
    for byte in data[:-1]:
        assert opening.take(bytes([byte])) is None
    assert opening.take(data[-1:]) == Invitation("3333", "room 1", "asterisk")
    answer = opening.accepted()
    assert answer.startswith(b"HTTP/1.1 101 ")
    # RFC 6455, 1.3: its own example of a key.
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert b"Sec-WebSocket-Protocol: media\r\n" in answer
    assert Opening().take(request()) == Invitation("3333", "", "twilio")
    page = Opening().take(request(Sec_WebSocket_Protocol="translink.talk, other"))
    assert page == Invitation("3333", "", "browser")
    ours = Opening().take(request("/media/ari?seat=a%2Db", Sec_WebSocket_Protocol="media"))
    assert ours == Invitation("ari", "", "asterisk", "a-b")


def test_another_sites_page_is_refused() -> None:
    ours = "https://calls.example.com"
    assert "Origin" in reason(Opening(), request(Origin=ours))
    opening = Opening(origins=[ours])
    assert opening.take(request(Origin=ours)) is not None
    assert opening.accepted()
    assert "Origin" in reason(Opening(origins=[ours]), request(Origin="https://evil.example.com"))


def test_a_password_or_a_signature_lets_in() -> None:
    def guarded() -> Opening:
        return Opening(password="secret", twilio_token="token")

    basic = base64.b64encode(b"any:secret").decode()
    signed = twilio_signature("token", "wss://calls.example.com/media/3333")
    for headers in (
        {"Authorization": f"Basic {basic}"},
        {"Authorization": "Bearer secret"},
        {"X_Twilio_Signature": signed},
    ):
        assert guarded().take(request(**headers)) is not None
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic ????"},
        {"X_Twilio_Signature": twilio_signature("other", "wss://calls.example.com/media/3333")},
    ):
        assert "password" in reason(guarded(), request(**headers))
    assert "password" in reason(guarded(), request("/media/4444", X_Twilio_Signature=signed))


def test_a_header_may_come_twice_where_it_is_a_list_and_nowhere_else() -> None:
    def twice(name: str, one: str, two: str) -> bytes:
        return request(**{name: f"{one}\r\n{name.replace('_', '-')}: {two}"})

    page = Opening()
    asked = page.take(twice("Sec_WebSocket_Protocol", "other", "translink.talk"))
    assert asked == Invitation("3333", "", "browser")
    assert b"Sec-WebSocket-Protocol: translink.talk\r\n" in page.accepted()
    guarded = Opening(password="secret", twilio_token="token")
    for name in ("Authorization", "X_Twilio_Signature"):
        with pytest.raises(RefusedOpening, match="more than once") as refusal:
            guarded.take(twice(name, "Bearer wrong", "Bearer wrong"))
        assert refusal.value.answer.startswith(b"HTTP/1.1 400 ")
        guarded = Opening(password="secret", twilio_token="token")


def test_what_is_no_request_is_refused() -> None:
    assert "path" in reason(Opening(), request("/other/3333"))
    assert "HTTP" in reason(Opening(), b"\x01\x00\x10 no HTTP\r\n\r\n")
    assert reason(Opening(), request().replace(b"Upgrade: websocket\r\n", b""))
    assert "too long" in reason(Opening(), b"GET /" + bytes(LONGEST_HEAD))


@given(st.binary(max_size=400))
def test_anything_is_read_without_harm(data: bytes) -> None:
    opening = Opening(password="secret")
    with contextlib.suppress(RefusedOpening):
        assert opening.take(data) is None or b"secret" in data
