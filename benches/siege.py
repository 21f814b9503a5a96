"""Strangers attack the admin server of a `translink serve`, on loopback and for a few seconds each.

    python -m benches.siege

Printed for each attack: the most descriptors the server had, how many requests of an operator at the strangers'
own address, and of one at another, were answered and how long they took, what a probe of `/health` waits for right
afterwards, and how much memory the server gained. Attacks: TLS connections that never shake hands; bodies of a log-in
that drip in; requests whose sender hangs up at once. The strangers are a process of their own: in ours, the
operator's request would wait for theirs between its connection and its first byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

import aiohttp
import trustme
import uvloop

from translink.callers.ports import free_port
from translink.callers.server_process import resources_of

TOKEN = "control-0123456789abcdef"
SECONDS = 8.0
HANDSHAKES = 1_300
DRIPPING = 270
DRIP = (
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60\r\n\r\n{"
)
ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SETTINGS = """
[deepgram]
api_key = "none"
base_url = "http://127.0.0.1:9"
[deepl]
api_key = "none"
server_url = "http://127.0.0.1:9"
[[legs]]
name = "1"
language = "en"
listen = "127.0.0.1:0"
send_from_listen = true
[[legs]]
name = "2"
language = "fr"
listen = "127.0.0.1:0"
send_from_listen = true
"""


@dataclass
class Attacker:
    """One stranger with many connections."""

    port: int
    end: float
    held: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, first: bytes) -> asyncio.StreamWriter | None:
        """A connection that has sent `first`; None when there was none to be had."""
        try:
            async with asyncio.timeout(5):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return None
        writer.write(first)
        self.held.append(writer)
        return writer

    async def never_shake_hands(self) -> None:
        for _ in range(HANDSHAKES):
            await self.connect(b"")

    async def drip(self) -> None:
        async def one() -> None:
            while time.monotonic() < self.end:
                writer = await self.connect(DRIP)
                # The server cuts it off; uvloop says so by a RuntimeError.
                with contextlib.suppress(OSError, RuntimeError):
                    while writer is not None and time.monotonic() < self.end:
                        writer.write(b"y")
                        await writer.drain()
                        await asyncio.sleep(1.0)
                await asyncio.sleep(0.1)

        await asyncio.gather(*(one() for _ in range(DRIPPING)))

    async def hang_up(self) -> None:
        while time.monotonic() < self.end:
            if (writer := await self.connect(ASK)) is not None:
                writer.transport.abort()


Attack = Callable[[Attacker], Awaitable[None]]
ATTACKS: dict[str, tuple[Attack, bool]] = {
    f"{HANDSHAKES} TLS connections that never shake hands": (Attacker.never_shake_hands, True),
    f"{DRIPPING} log-ins whose body drips in": (Attacker.drip, False),
    "requests whose sender hangs up at once": (Attacker.hang_up, False),
}


def besiege(name: str, port: int, begun: Event, over: Event) -> None:
    """In a process of its own: attack for `SECONDS`, and hold what is held until `over`."""

    async def attack() -> None:
        begun.set()
        await ATTACKS[name][0](Attacker(port, time.monotonic() + SECONDS))
        await asyncio.to_thread(over.wait)

    uvloop.run(attack())


class Operator:
    """Asks the server something again and again, with a connection of their own each time: the worst case."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._answered = 0
        self._waits: list[float] = []

    async def ask(self, url: str, trust: ssl.SSLContext) -> None:
        """Once."""
        connector = aiohttp.TCPConnector(ssl=trust, local_addr=(self._address, 0))
        began = time.monotonic()
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(
                    connector=connector, headers={"Authorization": f"Bearer {TOKEN}"}
                ) as http,
                http.get(url + "/api/stats", timeout=aiohttp.ClientTimeout(10)) as answer,
            ):
                await answer.read()
                self._answered += answer.status == 200
        self._waits.append(time.monotonic() - began)

    def __str__(self) -> str:
        p50, longest = statistics.median(self._waits) * 1000, max(self._waits) * 1000
        return (
            f"operator at {self._address} answered {self._answered} of {len(self._waits)}, "
            f"p50 {p50:.0f} ms, longest {longest:.0f} ms"
        )


async def measure(name: str, *, tls: bool, folder: Path) -> None:
    """One attack on a server of its own."""
    authority = trustme.CA()
    pem = folder / "both.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    port = free_port(socket.SOCK_STREAM)
    certificate = f'tls_cert = "{pem}"' if tls else ""
    config = folder / "translink.toml"
    config.write_text(f"[admin]\nport = {port}\n{certificate}\n{SETTINGS}")
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    operators = Operator("127.0.0.1"), Operator("127.0.0.2")
    most = 0
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "serve", "--config", str(config)),
        cwd=folder,
        env={**os.environ, "TRANSLINK_ADMIN__TOKEN": TOKEN},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
            await _until_there(http, url)
            before = resources_of(server.pid).rss_now_bytes
            spawn = multiprocessing.get_context("spawn")
            begun, over = spawn.Event(), spawn.Event()
            arguments = (name, port, begun, over)
            strangers = spawn.Process(target=besiege, args=arguments, daemon=True)
            strangers.start()
            await asyncio.to_thread(begun.wait)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                await asyncio.gather(*(each.ask(url, trust) for each in operators))
                most = max(most, resources_of(server.pid).descriptors)
                await asyncio.sleep(0.2)
            began = time.monotonic()
            async with http.get(url + "/health"):
                probe = time.monotonic() - began
            gained = resources_of(server.pid).rss_now_bytes - before
            over.set()
            await asyncio.to_thread(strangers.join)
    finally:
        server.terminate()
        await server.wait()
    print(
        f"{name}: {most} descriptors; {'; '.join(map(str, operators))}; "
        f"/health afterwards {probe * 1000:.0f} ms; memory +{gained / 1e6:.1f} MB"
    )


async def _until_there(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url + "/health"):
                    return
            await asyncio.sleep(0.1)


async def main() -> None:
    for name, (_, tls) in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            await measure(name, tls=tls, folder=Path(folder))


if __name__ == "__main__":
    uvloop.run(main())
