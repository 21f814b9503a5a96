"""A `decoder` in its process: fed with audio, asked for words."""

from __future__ import annotations

import asyncio

import orjson

from translink.offline.engines.engine_process import EngineProcess
from translink.offline.engines.protocols import EngineFailed
from translink.results import RATE

_START = 60.0
"""Seconds a decoder may take to be ready; the first ever makes the French dictionary."""
_DECODER_ANSWER = 20.0
"""Seconds a decoder may take to answer before it is taken for dead."""
_DECODER_BACKLOG = 30 * RATE * 2
"""Bytes (30 s) a decoder may lag behind; then its stream waits."""


class DecoderProcess(EngineProcess):
    """One process, for one stream or recording at a time."""

    def __init__(
        self,
        language: str,
        *,
        module: str = "decoder",
        start: float = _START,
        answer: float = _DECODER_ANSWER,
    ) -> None:
        """`module` of this package that it runs; `start` and `answer`: seconds it may take to."""
        super().__init__(module, backlog=_DECODER_BACKLOG)
        self.language = language
        self._ready_within, self._patience = start, answer
        self._lock = asyncio.Lock()

    async def start(self, config: bytes) -> None:
        """Returns when it is ready to hear. Raises `EngineFailed`."""
        await self.begin(config, self._ready_within)

    async def ask(self, letter: bytes) -> list[list[object]]:
        """A request that is answered with words."""
        async with self._lock:
            await self.send(letter, b"")
            said = await self.receive(self._patience)
        try:
            answer = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            await self.stop()
            raise EngineFailed("the engine answered something else than words") from error
        return answer if isinstance(answer, list) else []
