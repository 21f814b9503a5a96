"""The offline server: Deepgram's, DeepL's and OpenAI's APIs, whatever engines are behind them.

| path | handler |
|---|---|
| WebSocket `/v1/listen` | `live` over `session` |
| POST `/v1/listen` | `prerecorded` |
| POST and WebSocket `/v1/speak` | `speak` |
| POST `/v2/translate`, GET `/v2/usage`, `/v2/languages`, `/v3/languages` | `translate` |
| POST `/v1/chat/completions`, `/v1/audio/speech`, `/v1/audio/transcriptions`, GET `/v1/models` | `openai` |
| GET `/health` | counters and engine names |

No browser is a client of it: a request that names another site's `Origin`, or on loopback a `Host`
that is not loopback (DNS rebinding), gets 403 before anything is read.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from translink.offline.admission import Denied, OfflineAdmission, request_id
from translink.offline.engines.protocols import (
    RecognizerEngine,
    SynthesizerEngine,
    TranslatorEngine,
)
from translink.offline.hooks import LISTEN, Faults, NoFaults
from translink.offline.live import LiveListen
from translink.offline.openai import OpenAiRoutes
from translink.offline.prerecorded import Prerecorded
from translink.offline.session import ListenTiming
from translink.offline.speak import Speak, SpeakLive
from translink.offline.translate import Translate
from translink.settings.services import OFFLINE_QUALITY
from translink.settings.types import is_loopback

_LARGEST_UPLOAD = 100 * 1024 * 1024
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
        key: str | None = None,
        routes: Iterable[web.RouteDef] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`limits`: requests at once by service (`hooks.SERVICES`), beyond them 429.

        `key`: the only one that is let in; None = any but `invalid`, for tests.

        `routes`: further routes, such as a test's own. `tls`: HTTPS and WSS, for measuring what they cost.
        """
        self._host = host
        self._port = port
        self._engines = (recognizer, translator, synthesizer)
        self.admission = OfflineAdmission(faults or NoFaults(), limits, key)
        timing = timing or ListenTiming()
        self._live = LiveListen(self.admission, recognizer, timing)
        self._prerecorded = Prerecorded(self.admission, recognizer, timing)
        self._speak = Speak(self.admission, synthesizer)
        self._speak_live = SpeakLive(self.admission, synthesizer)
        self._translate = Translate(self.admission, translator)
        self._openai = OpenAiRoutes(
            self.admission, recognizer, self._prerecorded, translator, synthesizer
        )
        self._routes = tuple(routes)
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self.url = ""
        """`http://127.0.0.1:port` once started; `https` with `tls`."""

    async def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_UPLOAD, middlewares=[self._no_web_page])
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
                *self._openai.routes(),
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
        site = web.TCPSite(runner, self._host, self._port, backlog=1024, ssl_context=self._tls)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port = runner.addresses[0][:2]
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def close(self) -> None:
        """Close every WebSocket (1012) and the port; the engines are closed where they were made.
        Idempotent.
        """
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for connection in tuple(self.admission.open):
            with contextlib.suppress(ConnectionError):
                connection.reset()
        await runner.cleanup()

    def stats(self) -> dict[str, dict[str, int]]:
        """Per service: requests, active, most at once, refused. `listen.requests` = handshakes."""
        return self.admission.stats()

    async def _health(self, request: web.Request) -> web.Response:
        recognizer, translator, synthesizer = self._engines
        content = {
            "status": "ok",
            "quality": OFFLINE_QUALITY,
            "recognizer": {"name": recognizer.name, "languages": sorted(recognizer.languages())},
            "translator": {"name": translator.name, "pairs": sorted(map(list, translator.pairs()))},
            "synthesizer": {"name": synthesizer.name, "languages": sorted(synthesizer.languages())},
            "services": self.stats(),
        }
        return web.Response(body=orjson.dumps(content), content_type="application/json")

    @web.middleware
    async def _no_web_page(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        foreign = is_loopback(self._host) and not is_loopback(_name(f"//{request.host}"))
        if foreign or "Origin" in request.headers:
            return self.admission.denied(
                LISTEN, Denied(403, "No web page may use this."), request_id()
            )
        return await handler(request)

    async def _unknown(self, request: web.Request) -> web.Response:
        return self.admission.denied(LISTEN, Denied(404), request_id())


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
