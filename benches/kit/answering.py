"""All three providers, as little of them as calls need: `python -m benches.kit.answering [PEM]`.

Each fiftieth frame of a stream is answered by an interim, each hundred-and-fiftieth and each Finalize by a final of the
same words, or without words where nothing was loud; each text is its own translation, and its sound is a tenth of a
second. So what a call causes does not depend on what is said. Prints its port.
"""

from __future__ import annotations

import socket
import ssl
import sys

import orjson
from aiohttp import WSMsgType, web

FRAME_BYTES = 640
INTERIM, FINAL = 50, 150
"""Frames."""
LOUD = 100
"""Of samples, from which on there are words."""
TEXT = "the train to the coast leaves at noon from the old station"
WORDS = TEXT.split()
SOUND = bytes(range(1, 251)) * 13


def result(frames: int, since: int, *, loud: bool, asked: bool = False) -> str:
    """What is heard of the frames from `since` on."""
    seconds = (frames - since) / 50
    said = WORDS[: max(1, round(seconds * 3))] if loud else []
    step = seconds / max(1, len(said))
    words = [
        {
            "word": word,
            "start": since / 50 + n * step,
            "end": since / 50 + (n + 1) * step,
            "confidence": 0.99,
            "punctuated_word": word,
        }
        for n, word in enumerate(said)
    ]
    final = asked or frames - since == FINAL
    best = {"transcript": " ".join(said), "confidence": 0.99, "words": words}
    return orjson.dumps(
        {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": seconds,
            "start": since / 50,
            "is_final": final,
            "speech_final": final,
            "channel": {"alternatives": [best]},
            "metadata": {"request_id": "bench", "model_info": {"name": "bench"}},
            "from_finalize": asked,
        }
    ).decode()


async def listen(request: web.Request) -> web.WebSocketResponse:
    """`/v1/listen`."""
    peer = web.WebSocketResponse(compress=False)
    await peer.prepare(request)
    frames = since = 0
    loud = False
    async for message in peer:
        if message.type is WSMsgType.TEXT:
            if message.json()["type"] == "Finalize" and frames > since:
                await peer.send_str(result(frames, since, loud=loud, asked=True))
                since, loud = frames, False
            continue
        loud = loud or max(memoryview(message.data).cast("h")) > LOUD
        for _ in range(len(message.data) // FRAME_BYTES):
            frames += 1
            if (frames - since) % INTERIM == 0:
                await peer.send_str(result(frames, since, loud=loud))
            if frames - since == FINAL:
                since, loud = frames, False
    return peer


async def translate(request: web.Request) -> web.Response:
    """`/v2/translate`."""
    asked = await request.json()
    return web.json_response({"translations": [{"text": text} for text in asked["text"]]})


async def speak(_: web.Request) -> web.Response:
    """`/v1/speak`."""
    return web.Response(body=SOUND, content_type="audio/l16")


def main() -> None:
    """Until it is killed."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/v1/listen", listen),
            web.post("/v2/translate", translate),
            web.post("/v1/speak", speak),
        ]
    )
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[1])

    bound = socket.create_server(("127.0.0.1", 0))
    print("ready", bound.getsockname()[1], flush=True)
    web.run_app(app, sock=bound, ssl_context=tls, print=None, access_log=None)


if __name__ == "__main__":
    main()
