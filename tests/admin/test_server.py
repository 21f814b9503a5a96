"""The admin server over loopback, seen by a client."""

from __future__ import annotations

import re

import aiohttp
import pytest
import yarl

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.errors import SettingsError


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/stats", "legs"),
        ("/api/settings", "mode"),
        ("/api/calls", "calls"),
        ("/health", "media"),
        ("/ready", "ok"),
    ],
)
async def test_what_can_be_seen_is_json(
    server: AdminServer, http: aiohttp.ClientSession, path: str, key: str
) -> None:
    async with http.get(server.url + path) as answer:
        assert answer.status == 200
        assert key in await answer.json()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_program_that_is_not_well_answers_503(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    program.good = False
    for path in ("/health", "/ready"):
        async with http.get(server.url + path) as answer:
            assert answer.status == 503
            assert (await answer.json())["ok"] is False


async def test_the_mode_is_switched_for_all_or_for_one_leg(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    for body in ({"mode": "prerecorded"}, {"mode": "streaming", "leg": "3333"}):
        async with http.post(server.url + "/api/mode", json=body) as answer:
            assert answer.status == 200
    assert program.modes == [("prerecorded", None, None), ("streaming", "3333", None)]


async def test_the_share_of_streaming_calls_is_set_with_the_mode_or_alone(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    for body in ({"mode": "auto", "share": 0.25}, {"share": 1}):
        async with http.post(server.url + "/api/mode", json=body) as answer:
            assert answer.status == 200
            assert (await answer.json())["share"] == body["share"]
    assert program.modes == [("auto", None, 0.25), (None, None, 1)]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b'{"mode": "fast"}', 400, "'auto', 'streaming' or 'prerecorded'"),
        (b'{"mode": "auto", "leg": 3}', 400, "leg: Input should be a valid string"),
        (b'{"mode": "auto", "share": 2}', 400, "share: Input should be less than"),
        (b'{"mode": "auto", "share": "half"}', 400, "share: Input should be a valid number"),
        (b'{"mode": "auto", "share": true}', 400, "share: Input should be a valid number"),
        (b'{"mode": "auto", "share": 0.5, "leg": "3333"}', 400, "share is for all legs"),
        (b"{}", 400, "auto, streaming, prerecorded"),
        (b'{"mode": "auto", "leg": "nobody"}', 404, "no leg"),
        (b"[]", 400, "JSON object"),
        (b"{", 400, "should be JSON"),
        (b"x" * 70_000, 413, ""),
    ],
)
async def test_a_wrong_order_is_refused_and_changes_nothing(
    server: AdminServer,
    program: Program,
    http: aiohttp.ClientSession,
    body: bytes,
    status: int,
    expected: str,
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(server.url + "/api/mode", data=body, headers=headers) as answer:
        assert answer.status == status
        assert expected in (await answer.json())["error"]
    assert program.modes == []


async def test_a_call_is_ended_by_its_name(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.post(server.url + "/api/calls/3333-1/end", json={}) as answer:
        assert answer.status == 200
    async with http.post(server.url + "/api/calls/nobody/end", json={}) as answer:
        assert answer.status == 404


async def test_unknown_paths_and_methods_are_answered_in_json(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(server.url + "/nothing") as answer:
        assert (answer.status, answer.content_type) == (404, "application/json")
    async with http.delete(server.url + "/api/stats") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_the_page_needs_nothing_from_elsewhere(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(server.url + "/") as answer:
        page = await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "//" not in page.replace("<!doctype", "")
    for name in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        async with http.get(server.url + name) as answer:
            assert answer.status == 200
            assert answer.content_type in ("text/css", "text/javascript", "image/svg+xml")


@pytest.mark.parametrize("name", ["__init__.py", "..%2fserver.py", "%2e%2e%2f", "..", "x.js"])
async def test_only_the_pages_own_files_are_served(
    server: AdminServer, http: aiohttp.ClientSession, name: str
) -> None:
    async with http.get(yarl.URL(f"{server.url}/static/{name}", encoded=True)) as answer:
        assert answer.status == 404


async def test_a_taken_port_is_named_with_its_setting(
    server: AdminServer, program: Program
) -> None:
    second = AdminServer(program, port=server.port)
    with pytest.raises(SettingsError, match=rf"admin\.port = {server.port}: is taken"):
        await second.start()
    await second.close()


async def test_after_close_nobody_answers(server: AdminServer, http: aiohttp.ClientSession) -> None:
    await server.close()
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(server.url + "/health")
