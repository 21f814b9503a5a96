"""The offline server lets in programs of this machine that have its key; no web page."""

from __future__ import annotations

import aiohttp
import pytest

from tests.offline.conftest import QUERY, Start

LISTEN = "/v1/listen?" + QUERY


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Host": "localhost:1"}, 101),
        ({"Host": "[::1]"}, 101),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),  # a name of theirs that leads to 127.0.0.1
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[bad"}, 403),
        ({"Authorization": "Token wrong"}, 401),
    ],
)
async def test_a_web_page_takes_no_recogniser(
    start: Start, headers: dict[str, str], status: int
) -> None:
    server = await start(key="right")
    upgrade = {
        "Authorization": "Token right",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.url + LISTEN, headers=upgrade | headers) as answer,
    ):
        assert answer.status == status
        answer.close()
    assert server.stats()["listen"]["refused"] == 0


async def test_beyond_loopback_the_key_alone_decides(start: Start) -> None:
    server = await start(host="0.0.0.0", key="right")
    url = server.url.replace("0.0.0.0", "127.0.0.1") + "/v2/usage"
    async with aiohttp.ClientSession() as session:
        for key, status in (("right", 200), ("wrong", 403)):
            headers = {"Host": "anna.example", "Authorization": f"DeepL-Auth-Key {key}"}
            async with session.get(url, headers=headers) as answer:
                assert answer.status == status


async def test_a_language_without_an_engine_is_refused_with_the_mend(start: Start) -> None:
    server = await start()
    url = server.url + LISTEN.replace("language=en", "language=de")
    headers = {"Authorization": "Token any"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, headers=headers, data=b"") as answer,
    ):
        assert answer.status == 400
        reported = (await answer.json())["err_msg"]
    assert "not de: set DEEPGRAM_API_KEY" in reported
