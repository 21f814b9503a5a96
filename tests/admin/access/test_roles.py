"""What lets a request in: token, by Host, by Origin."""

from __future__ import annotations

import hmac

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access.roles import Access, token_in
from translink.admin.http.route import Role
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
    assert program.subscriptions == []


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),  # a link to us
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({}, False),
    ],
)
def test_no_other_sites_page_gets_an_answer_to_embed(
    headers: dict[str, str], refused: bool
) -> None:
    access = Access("127.0.0.1")
    assert bool(access.refuses("GET", {"Host": "localhost:3020", **headers})) is refused


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("calls.example.com", False),
        ("CALLS.example.com", False),
        ("calls.example.com:8443", True),
        ("evil.example", True),
        ("localhost:3020", False),
    ],
)
def test_behind_a_proxy_its_name_is_allowed_and_no_other(host: str, refused: bool) -> None:
    access = Access("127.0.0.1", "token", allowed_hosts=("calls.example.com",))
    assert bool(access.refuses("GET", {"Host": host})) is refused
    own = {"Host": host, "Origin": "https://calls.example.com"}
    assert bool(access.refuses("POST", own)) is refused


def test_open_to_others_under_allowed_names_only_those_count() -> None:
    access = Access("0.0.0.0", "token", allowed_hosts=("calls.example.com",))
    assert access.refuses("GET", {"Host": "calls.example.com"}) is None
    assert access.refuses("GET", {"Host": "192.0.2.1:3020"}) is not None
    assert Access("0.0.0.0", "token").refuses("GET", {"Host": "192.0.2.1:3020"}) is None


def test_names_for_others_need_a_token() -> None:
    with pytest.raises(SettingsError, match=r"admin\.token"):
        Access("127.0.0.1", allowed_hosts=("calls.example.com",))


def test_each_token_has_its_role() -> None:
    access = Access("127.0.0.1", "controls", read_token="reads")
    assert access.role_of(b"controls") == "control"
    assert access.role_of(b"reads") == "read"
    assert access.role_of(b"read") is None
    assert access.role_of(b"") is None


def test_tokens_are_compared_in_constant_time_and_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def watched(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    access = Access("127.0.0.1", "controls", read_token="reads")
    for token in (b"controls", b"reads", b"c", b"controlz" * 100):
        compared.clear()
        access.role_of(token)
        assert len(compared) == 2
        assert len({len(part) for pair in compared for part in pair}) == 1


@pytest.mark.parametrize(
    ("wanted", "role", "listen_in", "status"),
    [
        ("open", None, False, None),
        ("read", None, False, 401),
        ("control", None, False, 401),
        ("listen", None, True, 401),
        ("read", "read", False, None),
        ("control", "read", False, 403),
        ("listen", "read", True, 403),
        ("read", "control", False, None),
        ("control", "control", False, None),
        ("listen", "control", False, 403),
        ("listen", "control", True, None),
    ],
)
def test_a_role_is_enough_or_not(
    wanted: Role, role: Role | None, listen_in: bool, status: int | None
) -> None:
    access = Access("127.0.0.1", "t", listen_in=listen_in)
    refusal = access.forbids(wanted, role)
    assert (refusal and refusal[0]) == status


@pytest.mark.parametrize(
    ("method", "headers", "enough"),
    [
        ("GET", {}, True),
        ("POST", {}, False),
        ("DELETE", {}, False),
        ("PATCH", {"Origin": "http://127.0.0.1:3020"}, True),
        ("GET", {"Upgrade": "websocket"}, False),
        ("GET", {"Upgrade": "WebSocket", "Origin": "http://127.0.0.1:3020"}, True),
    ],
)
def test_with_a_cookie_alone_nothing_is_done_that_does_not_say_where_it_comes_from(
    method: str, headers: dict[str, str], enough: bool
) -> None:
    access = Access("127.0.0.1", "t")
    assert (access.refuses_session(method, headers) is None) is enough


WRITTEN = st.text(st.characters(max_codepoint=0xDFFF), max_size=40)
HEADER = st.sampled_from(
    ["Host", "Origin", "Authorization", "Upgrade", "Sec-WebSocket-Protocol", "Sec-Fetch-Site"]
)
PIECES = st.sampled_from(
    [
        *("localhost", "127.0.0.1:3020", "http://", "[::1", "[::1]", "bearer.", "Bearer ", ","),
        *("websocket", "same-origin", "@", "%00", "\udcff", " ", "//", "evil.example"),
    ]
)


@given(
    st.sampled_from(["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "BREW"]),
    st.dictionaries(HEADER, WRITTEN | st.lists(PIECES, max_size=5).map("".join)),
)
def test_whatever_a_client_writes_there_is_a_verdict(method: str, headers: dict[str, str]) -> None:
    for access in (Access("127.0.0.1"), Access("0.0.0.0", "t", allowed_hosts=("a.example",))):
        refused = access.refuses(method, headers)
        access.refuses_session(method, headers)
        token = token_in(headers)
        assert token is None or access.role_of(token) is None or token == b"t"
        if "evil" in headers.get("Host", "") or headers.get("Host", "") == "":
            assert refused is not None


async def test_our_own_page_can(server: AdminServer, http: aiohttp.ClientSession) -> None:
    own = {"Origin": server.url}
    async with http.post(server.url + "/api/mode", json={"mode": "auto"}, headers=own) as answer:
        assert answer.status == 200
    async with http.ws_connect(server.url + "/api/events", headers=own) as stream:
        assert (await stream.receive_json())["type"] == "hello"
