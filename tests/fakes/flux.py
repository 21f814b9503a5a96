"""Deepgram with Flux: `/v2/listen` beside what `fakes.providers` has. Written from the protocol notes.

It finds turns in beacons: StartOfTurn with the first word, Update with each quarter of a second of audio, EndOfTurn
after a pause. With `eager_eot_threshold` an EagerEndOfTurn comes before, at a shorter one, and with `wrong` it guesses
a word too many, which TurnResumed takes back. CloseStream finalizes nothing and is answered by a close without a code.
Turns advance with audio only. What v2 does not know (Finalize, KeepAlive, nova's parameters) is refused.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.fakes.providers import RATE, FakeProviders, FakeStream
from translink._core import BeaconDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

PARAMETERS = {
    "model",
    "encoding",
    "sample_rate",
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
}
PARAMETERS |= {
    "keyterm",
    "language_hint",
    "profanity_filter",
    "numerals",
    "redact",
    "mip_opt_out",
    "tag",
}
REQUEST = "00000000-0000-4000-8000-000000000001"
UPDATE = RATE // 4
EAGER, END = 0.2, 0.45
"""Seconds of silence."""


class FakeFlux(FakeProviders):
    """Serve it with `fake_providers`."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[dict[str, Any]] = []
        """All messages, to be held against Deepgram's schema."""
        self.wrong = False
        """Eager ends guess a word too many."""
        self.ends = True
        """Turns end."""
        self.timed = False
        """Words have times."""

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/v2/listen", self._listen_v2)]

    async def _listen_v2(self, request: web.Request) -> web.StreamResponse:
        if unknown := request.query.keys() - PARAMETERS:
            return web.json_response(
                {"err_code": "Bad Request", "err_msg": str(unknown)}, status=400
            )
        return await self._streamed(
            request, "language_hint", lambda stream, socket: _Turns(stream, socket, self).run()
        )


class _Turns:
    """One connection."""

    def __init__(self, stream: FakeStream, socket: web.WebSocketResponse, fake: FakeFlux) -> None:
        self._stream = stream
        self._socket = socket
        self._fake = fake
        self._decoder = BeaconDecoder()
        self._samples = self._begun = self._updated = 0
        self._turn = self._sequence = 0
        self._words: list[tuple[int, int, int]] = []
        self._eager = False
        """The end was guessed."""

    async def run(self) -> None:
        await self._say({"type": "Connected", "request_id": REQUEST})
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                await self._hear(message.data)
            elif message.type is WSMsgType.TEXT:
                self._stream.texts.append(message.data)
                await self._control(json.loads(message.data))

    async def _control(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "CloseStream":
                await self._turn_info("Update")
                # A close frame without a code.
                await self._socket._writer.send_frame(b"", WSMsgType.CLOSE)  # type: ignore[union-attr]
                await asyncio.sleep(0.5)
                await self._socket.close()
            case "Configure":
                self._stream.keyterms = message["keyterms"]
                said = {"keyterms": message["keyterms"], "thresholds": {}, "language_hints": []}
                await self._say({"type": "ConfigureSuccess", "request_id": REQUEST, **said})
            case other:
                code = "UNPARSABLE_CLIENT_MESSAGE"
                await self._say({"type": "Error", "code": code, "description": f"no {other}"})
                await self._socket.close(code=1008)

    async def _hear(self, pcm: bytes) -> None:
        assert pcm, "an empty message ends a stream"
        self._stream.messages += 1
        self._stream.bytes += len(pcm)
        self._samples += len(pcm) // 2
        if found := self._decoder.push(pcm):
            self._stream.words += [number for number, _, _ in found]
            first = not self._words
            self._words += found
            if self._eager:
                self._eager = False
                await self._turn_info("TurnResumed")
            elif first:
                await self._turn_info("StartOfTurn")
        await self._silence()
        if self._samples - self._updated >= UPDATE:
            await self._turn_info("Update")

    async def _silence(self) -> None:
        if not self._words:
            return
        quiet = (self._samples - self._words[-1][2]) / RATE
        if quiet > EAGER and not self._eager and "eager_eot_threshold" in self._stream.query:
            self._eager = True
            extra = [(self._words[-1][0] + 500, 0, 0)] if self._fake.wrong else []
            await self._turn_info("EagerEndOfTurn", [*self._words, *extra])
        if quiet > END and self._fake.ends:
            if self._eager and self._fake.wrong:
                await self._turn_info("TurnResumed")
            await self._turn_info("EndOfTurn")
            self._turn += 1
            self._words, self._begun, self._eager = [], self._samples, False

    async def _turn_info(
        self, event: str, words: Sequence[tuple[int, int, int]] | None = None
    ) -> None:
        self._updated = self._samples
        found = self._words if words is None else words
        listed = [
            {"word": f"b{number}", "confidence": 0.9}
            | ({"start": begin / RATE, "end": end / RATE} if self._fake.timed else {})
            for number, begin, end in found
        ]
        over = {"trigger": "model"} if event == "EndOfTurn" else {}
        await self._say(
            {
                "type": "TurnInfo",
                "request_id": REQUEST,
                "event": event,
                "turn_index": self._turn,
                "audio_window_start": self._begun / RATE,
                "audio_window_end": self._samples / RATE,
                "transcript": " ".join(f"b{number}" for number, _, _ in found),
                "words": listed,
                "end_of_turn_confidence": 0.5,
                **over,
            }
        )

    async def _say(self, message: dict[str, Any]) -> None:
        message["sequence_id"] = self._sequence
        self._sequence += 1
        self._fake.said.append(message)
        await self._socket.send_str(json.dumps(message))
