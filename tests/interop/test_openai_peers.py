"""The chat client against a server that others wrote: `llmock` (PyPI), which imitates OpenAI's answers
and limits."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import sys
import time
from collections.abc import AsyncIterator

import pytest

from translink.callers.ports import free_port
from translink.errors import Kind, ProviderError
from translink.providers.http import Http
from translink.providers.openai.endpoint import OpenAiEndpoint
from translink.providers.openai.translate import OpenAiTranslate

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("llmock") is None,
        reason="llmock is not installed: pip install llmock",
    ),
    pytest.mark.timeout(180),
]
KEY = "sk-test-0123456789abcdef"


@contextlib.asynccontextmanager
async def llmock(*options: str) -> AsyncIterator[str]:
    """Its server, once it answers."""
    port = free_port(socket.SOCK_STREAM)
    start = "from llmock.cli import app; app()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", start, "serve", "--port", str(port), *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with Http() as http:
            end = time.monotonic() + 120
            while not await http.warm(f"{url}/v1/models"):
                assert process.returncode is None, "llmock did not start"
                assert time.monotonic() < end, "llmock does not answer"
                await asyncio.sleep(0.1)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_an_answer_is_read_and_a_limit_is_kept_as_long_as_it_says() -> None:
    async with llmock("--rpm", "2") as url, Http() as http:
        ask = OpenAiTranslate(http, at=OpenAiEndpoint(f"{url}/v1", KEY), timeout=60)

        async def translated() -> str:
            text = "Good morning, how are you today?"
            return (await ask.translate(text, source="en", target="fr")).text

        assert await translated()
        assert await translated()
        with pytest.raises(ProviderError, match="rate_limit_exceeded") as caught:
            await translated()
    assert caught.value.kind is Kind.BUSY
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 60
