"""From a datagram to a WebSocket, as directly as uvloop and websockets can: the rival of `wire`.

    python -m benches.reference_wire ws://HOST:PORT LEGS

One datagram endpoint and one connection a leg; what fills a frame is sent at once by that leg's
task. No ledger, no watchdog, no detection, nothing is kept for when the connection breaks. Talks
like the receivers of `benches/kit/receivers.py`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from benches.kit.receivers import RECEIVE_BUFFER

FRAME = 640


class WireLeg(asyncio.DatagramProtocol):
    """One leg: datagrams in, frames out."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._carried = bytearray()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port = transport.get_extra_info("sockname")[1]
        here = transport.get_extra_info("socket")
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._carried += data
        while len(self._carried) >= FRAME:
            self._frames.put_nowait(bytes(self._carried[:FRAME]))
            del self._carried[:FRAME]

    async def send(self) -> None:
        """Frame by frame, for ever."""
        while True:
            await self._websocket.send(await self._frames.get())

    async def read(self) -> None:
        """What the recogniser says is read, and parsed, as anybody would."""
        async for message in self._websocket:
            json.loads(message)


async def run(url: str, count: int) -> None:
    """Connect, listen, forward."""
    loop = asyncio.get_running_loop()
    legs, tasks = [], []
    for _ in range(count):
        websocket = await connect(f"{url}/v1/listen", compression=None, ping_interval=None)
        leg = WireLeg(websocket)
        await loop.create_datagram_endpoint(lambda leg=leg: leg, local_addr=("127.0.0.1", 0))
        tasks += [asyncio.create_task(leg.send()), asyncio.create_task(leg.read())]
        legs.append(leg)
    print("ready", *(leg.port for leg in legs), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    before = time.process_time()
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps({"cpu_seconds": time.process_time() - before}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(sys.argv[1], int(sys.argv[2])))
