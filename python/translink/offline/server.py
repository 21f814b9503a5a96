"""The offline server: Deepgram's and DeepL's doors, whatever engines behind them.

| door | handler |
|---|---|
| WebSocket `/v1/listen` | `live` over `listen.Ear` |
| POST `/v1/listen` | `prerecorded` |
| POST and WebSocket `/v1/speak` | `speak` |
| POST `/v2/translate`, GET `/v2/usage`, `/v2/languages`, `/v3/languages` | `translate` |
| GET `/health` | counters and engine names |
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

import orjson
from aiohttp import web

from translink.offline.engines.protocols import (
    RecognizerEngine,
    SynthesizerEngine,
    TranslatorEngine,
)
from translink.offline.gate import Denied, OfflineGate, request_id
from translink.offline.hooks import LISTEN, Faults, NoFaults
from translink.offline.live import LiveListen
from translink.offline.messages import QUALITY
from translink.offline.prerecorded import Prerecorded
from translink.offline.session import ListenTiming
from translink.offline.speak import Speak, SpeakLive
from translink.offline.translate import Translate

_BODY = 100 * 1024 * 1024
"""Largest request body: 52 minutes of 16 kHz."""


class OfflineServer:
    """One server on one port. `start`, use `url`, `close`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        recognizer: RecognizerEngine,
        translator: TranslatorEngine,
        synthesizer: SynthesizerEngine,
        timing: ListenTiming | None = None,
        faults: Faults | None = None,
        limits: Mapping[str, int] | None = None,
        require_key: bool = True,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        """`limits`: requests at once by service (`hooks.SERVICES`), beyond them 429.

        `require_key`: some key must be given, as with the real services; any but `invalid` is good.

        `routes`: further doors, as a test's own.
        """
        self._host = host
        self._port = port
        self._engines = (recognizer, translator, synthesizer)
        self.gate = OfflineGate(faults or NoFaults(), limits, require_key)
        timing = timing or ListenTiming()
        self._live = LiveListen(self.gate, recognizer, timing)
        self._prerecorded = Prerecorded(self.gate, recognizer, timing)
        self._speak = Speak(self.gate, synthesizer)
        self._speak_live = SpeakLive(self.gate, synthesizer)
        self._translate = Translate(self.gate, translator)
        self._routes = tuple(routes)
        self._runner: web.AppRunner | None = None
        self.url = ""
        """`http://127.0.0.1:port` once started."""

    async def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        app = web.Application(client_max_size=_BODY)
        app.add_routes(
            [
                web.get("/v1/listen", self._live.handle),
                web.post("/v1/listen", self._prerecorded.handle),
                web.get("/v1/speak", self._speak_live.handle),
                web.post("/v1/speak", self._speak.handle),
                web.post("/v2/translate", self._translate.handle),
                web.get("/v2/usage", self._translate.usage),
                web.post("/v2/usage", self._translate.usage),
                web.get("/v2/languages", self._translate.languages),
                web.get("/v3/languages", self._translate.languages_v3),
                web.get("/health", self._health),
                *self._routes,
                web.route("*", "/{path:.*}", self._unknown),
            ]
        )
        # A client that hangs up ends its handler, and with it whatever a fault script made it wait
        # for.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=1024)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port = runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def close(self) -> None:
        """Close every WebSocket (1012) and the port; the engines are closed where they were made.
        Idempotent.
        """
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for connection in tuple(self.gate.open):
            with contextlib.suppress(ConnectionError):
                connection.reset()
        await runner.cleanup()

    def stats(self) -> dict[str, dict[str, int]]:
        """Per service: requests, active, most at once, refused. `listen.requests` = handshakes."""
        return self.gate.stats()

    async def _health(self, request: web.Request) -> web.Response:
        recognizer, translator, synthesizer = self._engines
        content = {
            "status": "ok",
            "quality": QUALITY,
            "recognizer": {"name": recognizer.name, "languages": sorted(recognizer.languages())},
            "translator": {"name": translator.name, "pairs": sorted(map(list, translator.pairs()))},
            "synthesizer": {"name": synthesizer.name, "languages": sorted(synthesizer.languages())},
            "services": self.stats(),
        }
        return web.Response(body=orjson.dumps(content), content_type="application/json")

    async def _unknown(self, request: web.Request) -> web.Response:
        return self.gate.denied(LISTEN, Denied(404), request_id())
