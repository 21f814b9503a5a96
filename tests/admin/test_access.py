"""Who is let in: by token, by Host, by Origin."""

from __future__ import annotations

import aiohttp
import pytest

from tests.admin.conftest import Program
from translink.admin import AdminServer
from translink.admin.access import Access, token_in
from translink.errors import SettingsError

TOKEN = {"Authorization": "Bearer open sesame"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "pbx.example", ""])
def test_an_address_open_to_others_needs_a_token(program: Program, host: str) -> None:
    with pytest.raises(SettingsError, match=r"admin\.token is needed"):
        AdminServer(program, host=host)
    AdminServer(program, host=host, token="t")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_none(program: Program, host: str) -> None:
    AdminServer(program, host=host)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic open sesame"}, 401),
        ({"Authorization": "Bearer open sesamé"}, 401),
        ({"Sec-WebSocket-Protocol": "bearer.!!!"}, 401),
        (TOKEN, 200),
    ],
)
async def test_the_token_opens(
    guarded: AdminServer, http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    for path in ("/api/stats", "/metrics", "/api/settings"):
        async with http.get(guarded.url + path, headers=headers) as answer:
            assert answer.status == status
    async with http.post(guarded.url + "/api/mode", json={"mode": "auto"}, headers=headers) as got:
        assert got.status == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer s\udce9same"},
        {"Sec-WebSocket-Protocol": "bearer.s\udce9"},
        {"Authorization": "Bearer"},
        {"Authorization": ""},
    ],
)
def test_odd_bytes_are_just_a_wrong_token(headers: dict[str, str]) -> None:
    assert Access("127.0.0.1", "open sesame").role_of(token_in(headers) or b"") is None


@pytest.mark.parametrize("origin", ["http://[", "null", "", "http://127.0.0.1:3020.evil.example"])
def test_odd_origins_are_refused(origin: str) -> None:
    headers = {"Host": "127.0.0.1:3020", "Origin": origin}
    assert Access("127.0.0.1", None).refuses("POST", headers) == "Origin should be this server"


async def test_a_health_check_without_the_token_learns_no_details(
    guarded: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(guarded.url + "/health") as answer:
        assert await answer.json() == {"ok": True}
    async with http.get(guarded.url + "/health", headers=TOKEN) as answer:
        assert await answer.json() == {"ok": True, "media": "running"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:3020", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("evil.example:3020", 403),
        ("[::1", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
async def test_a_name_that_was_pointed_at_loopback_is_refused(
    server: AdminServer, http: aiohttp.ClientSession, host: str, status: int
) -> None:
    async with http.get(server.url + "/api/stats", headers={"Host": host}) as answer:
        assert answer.status == status


async def test_another_sites_page_can_neither_act_nor_listen(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    foreign = {"Origin": "https://evil.example"}
    url = server.url + "/api/mode"
    async with http.post(url, json={"mode": "auto"}, headers=foreign) as answer:
        assert answer.status == 403
    async with http.post(url, data="mode=auto") as answer:  # what a form can send
        assert answer.status in (400, 415)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await http.ws_connect(server.url + "/api/events", headers=foreign)
    assert program.modes == []
    assert program.feeds == []


async def test_our_own_page_can(server: AdminServer, http: aiohttp.ClientSession) -> None:
    own = {"Origin": server.url}
    async with http.post(server.url + "/api/mode", json={"mode": "auto"}, headers=own) as answer:
        assert answer.status == 200
    async with http.ws_connect(server.url + "/api/events", headers=own) as stream:
        assert (await stream.receive_json())["type"] == "hello"
