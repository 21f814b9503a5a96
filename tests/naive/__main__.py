"""The whole naive server. See the package's docstring."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import sys
import time
import tomllib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

FRAME = 640
TICK = 0.02


class NaiveEar(asyncio.DatagramProtocol):
    """A leg's socket: microphone in, and 20 ms of what waits out at every tick."""

    def __init__(self, play_to: tuple[str, int]) -> None:
        self.frames: deque[bytes] = deque(maxlen=500)
        self.waiting = bytearray()
        self.called = asyncio.Event()
        self._play_to = play_to
        self._partial = b""
        self._newest = 0.0
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._newest = time.monotonic()
        self.called.set()
        self._partial += data
        while len(self._partial) >= FRAME:
            self.frames.append(self._partial[:FRAME])
            self._partial = self._partial[FRAME:]

    async def play(self) -> None:
        """Every 20 ms: play; and feed the recogniser silence while the gateway sends nothing."""
        due = time.monotonic()
        while True:
            due += TICK
            await asyncio.sleep(due - time.monotonic())
            if self._newest and time.monotonic() - self._newest > 0.1:
                self.frames.append(bytes(FRAME))
            if self.waiting and self.transport is not None:
                self.transport.sendto(bytes(self.waiting[:FRAME]), self._play_to)
                del self.waiting[:FRAME]


class NaiveDirection:
    """One talker's words on their way to the other's ear."""

    def __init__(
        self, http: aiohttp.ClientSession, settings: dict[str, Any], legs: tuple[Any, Any]
    ) -> None:
        self._http = http
        self._deepgram = settings["deepgram"]["base_url"]
        self._deepl = settings["deepl"]["server_url"]
        self._token = {"Authorization": f"Token {settings['deepgram']['api_key']}"}
        self._key = {"Authorization": f"DeepL-Auth-Key {settings['deepl']['api_key']}"}
        self._source, self._target = (leg["language"] for leg in legs)
        self._finals: asyncio.Queue[str] = asyncio.Queue()

    async def listen(self, mouth: NaiveEar) -> None:
        """One stream after the other, from the first datagram on."""
        await mouth.called.wait()
        query = urlencode(
            {
                "model": "nova-3",
                "language": self._source,
                "encoding": "linear16",
                "sample_rate": 16000,
                "channels": 1,
                "interim_results": "true",
                "endpointing": 300,
                "smart_format": "true",
            }
        )
        wait = 1.0
        while True:
            mouth.frames.clear()
            with failures("listen"):
                async with self._http.ws_connect(
                    f"{self._deepgram}/v1/listen?{query}", headers=self._token
                ) as stream:
                    wait = 1.0
                    sending = asyncio.create_task(self._send(stream, mouth))
                    try:
                        async for message in stream:
                            if message.type is aiohttp.WSMsgType.TEXT:
                                self._hear(message.data)
                    finally:
                        sending.cancel()
                        await asyncio.gather(sending, return_exceptions=True)
            await asyncio.sleep(wait)
            wait = 2.0

    async def speak(self, ear: NaiveEar) -> None:
        """Translate and say one final after the other."""
        while True:
            text = await self._finals.get()
            with failures("speak"):
                async with self._http.post(
                    f"{self._deepl}/v2/translate",
                    headers=self._key,
                    json={
                        "text": [text],
                        "source_lang": self._source.upper(),
                        "target_lang": self._target.upper(),
                    },
                    timeout=aiohttp.ClientTimeout(total=5),
                    raise_for_status=True,
                ) as answer:
                    text = (await answer.json())["translations"][0]["text"]
                voice = {"en": "aura-2-thalia-en", "fr": "aura-2-agathe-fr"}[self._target]
                query = f"model={voice}&encoding=linear16&sample_rate=16000&container=none"
                async with self._http.post(
                    f"{self._deepgram}/v1/speak?{query}",
                    headers=self._token,
                    json={"text": text},
                    timeout=aiohttp.ClientTimeout(total=10),
                    raise_for_status=True,
                ) as answer:
                    async for piece in answer.content.iter_any():
                        ear.waiting += piece

    def _hear(self, text: str) -> None:
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
            message = json.loads(text)
            if message["type"] == "Results" and message["is_final"]:
                transcript = message["channel"]["alternatives"][0]["transcript"]
                if transcript:
                    self._finals.put_nowait(transcript)

    async def _send(self, stream: aiohttp.ClientWebSocketResponse, mouth: NaiveEar) -> None:
        while True:
            while mouth.frames:
                await stream.send_bytes(mouth.frames.popleft())
            await asyncio.sleep(TICK / 2)


@contextlib.contextmanager
def failures(what: str) -> Iterator[None]:
    """Failures are printed and forgotten."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        print(what, repr(error), file=sys.stderr, flush=True)


def routes() -> list[web.RouteDef]:
    """What `translink sim` asks for."""

    async def said(request: web.Request) -> web.Response:
        return web.json_response({"ready": True, "totals": {}, "stages_ms": {}})

    async def events(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    paths = ("/ready", "/api/stats")
    return [
        *(web.get(path, said) for path in paths),
        web.post("/api/mode", said),
        web.get("/api/events", events),
    ]


async def serve(settings: dict[str, Any]) -> None:
    """Until SIGTERM."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    legs = settings["legs"]
    ears = []
    for leg in legs:
        ear = NaiveEar(address(leg["play_to"]))
        ears.append(ear)
        ear.transport, _ = await loop.create_datagram_endpoint(
            itertools.repeat(ear).__next__, local_addr=address(leg["listen"])
        )
    app = web.Application()
    app.add_routes(routes())
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    async with aiohttp.ClientSession() as http:
        tasks = [asyncio.create_task(ear.play()) for ear in ears]
        for place, leg in enumerate(legs):
            other = place ^ 1
            direction = NaiveDirection(http, settings, (leg, legs[other]))
            tasks.append(asyncio.create_task(direction.listen(ears[place])))
            tasks.append(asyncio.create_task(direction.speak(ears[other])))
        await web.TCPSite(runner, "127.0.0.1", settings["admin"]["port"]).start()
        await over.wait()
        for task in tasks:
            task.cancel()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
    await runner.cleanup()
    for failure in failures:
        if isinstance(failure, Exception):
            raise failure


def address(text: str) -> tuple[str, int]:
    """`host:port`."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> int:
    """Run the server."""
    parser = argparse.ArgumentParser(prog="tests.naive")
    parser.add_argument("--config", type=Path, required=True)
    config = parser.parse_args().config
    asyncio.run(serve(tomllib.loads(config.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
