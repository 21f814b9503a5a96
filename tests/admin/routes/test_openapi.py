"""The document is true: every route is in it, and what comes back is as it says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from tests.support.console import ConsoleDesk
from translink.admin import AdminServer
from translink.admin.routes.openapi import OPERATIONS, PAGE_ROUTES, document

PROGRAM = Path(sys.executable).with_name("schemathesis")


@pytest.fixture
async def desk() -> AsyncIterator[ConsoleDesk]:
    desk = ConsoleDesk(idle_timeout=30)
    await desk.board.talk("1", 0.6)
    await asyncio.sleep(0.1)
    yield desk
    await desk.board.switchboard.close("test over")


@pytest.fixture
async def server(desk: ConsoleDesk) -> AsyncIterator[AdminServer]:
    server = AdminServer(desk.console, port=0)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def reported(server: AdminServer, http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get(server.url + "/openapi.json") as answer:
        assert answer.status == 200
        whole: dict[str, Any] = await answer.json()
        return whole


def test_every_route_is_described_and_nothing_else(desk: ConsoleDesk) -> None:
    table = AdminServer(desk.console)._routes()
    assert {(r.method, r.path) for r in table if r.path not in PAGE_ROUTES} == OPERATIONS.keys()
    assert document(table)["openapi"] == "3.1.0"


async def test_what_any_route_may_refuse_is_said_of_each(reported: dict[str, Any]) -> None:
    for methods in reported["paths"].values():
        for method, described in methods.items():
            own = {"403", "429"} | ({"408"} if method != "get" else set())
            assert own <= described["responses"].keys()


async def test_that_a_token_may_be_wrong_is_said_where_one_is_exchanged(
    reported: dict[str, Any],
) -> None:
    assert "401" in reported["paths"]["/login"]["post"]["responses"]


async def test_its_schemas_are_schemas(reported: dict[str, Any]) -> None:
    for schema in reported["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    descriptions = reported["components"]["schemas"]["LegLive"]["properties"]
    assert descriptions["level_db"]["description"].startswith("Level of the newest frame")


ASKED: tuple[tuple[str, str, object, int], ...] = (
    ("GET", "/api/calls", None, 200),
    ("GET", "/api/calls?state=all&q=word", None, 200),
    ("GET", "/api/calls?state=gone", None, 400),
    ("GET", "/api/calls/1-1", None, 200),
    ("GET", "/api/calls/nobody", None, 404),
    ("GET", "/api/calls/1-1/transcript", None, 200),
    ("GET", "/api/legs", None, 200),
    ("GET", "/api/legs/1", None, 200),
    ("PATCH", "/api/legs/1", {"volume": 0.5}, 200),
    ("PATCH", "/api/legs/1", {"volume": 3}, 400),
    ("PATCH", "/api/legs/9", {"volume": 1}, 404),
    ("POST", "/api/legs/1/flush", {}, 200),
    ("POST", "/api/mode", {"mode": "auto"}, 200),
    ("POST", "/api/calls", {"legs": [{"language": "en"}, {"language": "fr"}]}, 201),
    (
        "POST",
        "/api/calls",
        {"legs": [{"language": "en", "name": "1"}, {"language": "fr"}]},
        409,
    ),
    ("POST", "/api/calls", {"legs": [{"language": "en"}]}, 400),
    (
        "POST",
        "/api/calls",
        {
            "legs": [
                {"language": "en", "transport": "rtp", "format": "alaw", "reply": "ulaw"},
                {"language": "fr", "rate": 8_000},
            ]
        },
        201,
    ),
    (
        "POST",
        "/api/calls",
        {
            "legs": [
                {"language": "en", "transport": "rtp", "rate": 8_000},
                {"language": "fr", "transport": "auto"},
            ]
        },
        400,
    ),
    (
        "POST",
        "/api/calls",
        {"legs": [{"language": "en", "format": "opus"}, {"language": "fr"}]},
        400,
    ),
    ("DELETE", "/api/calls/1-1", None, 200),
    ("POST", "/api/calls/1-1/end", {}, 200),
    ("GET", "/api/session", None, 200),
    ("GET", "/api/drain", None, 200),
    ("POST", "/api/drain", {"limit": -1}, 400),
    ("GET", "/ready", None, 200),
)


async def test_what_comes_back_is_as_it_says(
    server: AdminServer, http: aiohttp.ClientSession, reported: dict[str, Any]
) -> None:
    for method, path, body, status in ASKED:
        async with http.request(method, server.url + path, json=body) as answer:
            got = await answer.json()
            assert answer.status == status, (method, path, got)
        described = reported["paths"][_template(path, reported)][method.lower()]
        content = described["responses"][str(status)]["content"]
        schema = {**content["application/json"]["schema"], "components": reported["components"]}
        jsonschema.validate(got, schema, cls=jsonschema.Draft202012Validator)


def _template(path: str, reported: dict[str, Any]) -> str:
    parts = path.partition("?")[0].split("/")
    (template,) = (
        each
        for each in reported["paths"]
        if len(each.split("/")) == len(parts)
        and all(a == b or a.startswith("{") for a, b in zip(each.split("/"), parts, strict=True))
    )
    return str(template)


@pytest.mark.skipif(not PROGRAM.is_file(), reason="schemathesis is not installed")
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """Requests made up from the document, right ones and wrong ones: no 500, no undocumented
    status, every answer as described, every wrong request refused."""
    # So many that no call is refused for want of ports: that would be a 503.
    desk = ConsoleDesk(calls={"ports": "24000-29999", "max_created": 1000}, idle_timeout=30)
    await desk.board.talk("1", 0.6)
    server = AdminServer(desk.console, port=0)
    await server.start()
    try:
        await _schemathesis(server.url, tmp_path)
    finally:
        await server.close()
        await desk.board.switchboard.close("test over")


async def _schemathesis(url: str, folder: Path) -> None:
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,negative_data_rejection,unsupported_method"
    )
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM),
        *("run", f"{url}/openapi.json", "--checks", checks, "--no-color"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "4", "--max-time", "5"),
        *("--seed", "1", "--suppress-health-check", "all", "--request-timeout", "5"),
        # Sessions are the guard's; the other two take a WebSocket.
        *("--include-path-regex", "^/(api/(calls|legs|mode|stats|settings|session)|health|ready)"),
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    out = (await process.stdout.read()).decode()
    assert await process.wait() == 0, out[-6000:]
