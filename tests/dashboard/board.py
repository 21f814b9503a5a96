"""A hundred calls without a phone: the admin API's contract, spoken by a board of simulated talk.

It is the load of `test_hundred_calls.py`, where a hundred real calls would measure the simulator
and not the page. What is asserted of controls is asserted against the real server elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import heapq
import itertools
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from translink.admin.access.headers import HEADERS
from translink.admin.routes.page import page_routes

SCRIPT = (
    ("Good morning, how can I help you?", "Bonjour, comment puis-je vous aider ?"),
    ("I would like to change my appointment.", "Je voudrais changer mon rendez-vous."),
    ("Of course. Which day would suit you?", "Bien sûr. Quel jour vous conviendrait ?"),
    ("Thursday afternoon, if that is possible.", "Jeudi après-midi, si c'est possible."),
    ("There is a place at a quarter past three.", "Il y a une place à trois heures et quart."),
    (
        "That is perfect. Do I need to bring anything?",
        "C'est parfait. Dois-je apporter quelque chose ?",
    ),
    ("Only your card and the letter.", "Seulement votre carte et la lettre."),
    ("Thank you very much, until Thursday.", "Merci beaucoup, à jeudi."),
)
TICK = 0.05
SLOT = 0.02


@dataclass
class BoardSound:
    """Sound on one side of a lane: [from, to) in Unix seconds."""

    begin: float
    end: float


@dataclass
class TalkBoardLeg:
    name: str
    language: str
    hears: str
    call: str
    said: list[BoardSound] = field(default_factory=list)
    heard: list[BoardSound] = field(default_factory=list)
    words: int = 0

    def envelope(self, of: str, first: int, last: int) -> bytes:
        """Pairs of slots [first, last); slot 0 began at Unix time 0 of the board."""
        sounds = self.said if of == "said" else self.heard
        out = bytearray()
        for slot in range(first, last):
            at = slot * SLOT
            peak = 2
            if any(sound.begin <= at < sound.end for sound in sounds):
                swing = abs(math.sin(at * 9.1) * math.sin(at * 3.7 + 1))
                peak = 12 + int(95 * swing * random.uniform(0.6, 1.0))
            out += bytes(((256 - peak) & 255, peak))
        return bytes(out)


class TalkBoard:
    """`calls` pairs of talkers, from now on. `url` once started."""

    def __init__(self, calls: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._zero = time.time()
        self._due: list[tuple[float, int, dict[str, Any]]] = []
        self._order = itertools.count()
        self._extra: list[dict[str, Any]] = []
        self.legs: dict[str, TalkBoardLeg] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.watched: list[dict[str, Any]] = []
        """Every watch message received."""
        self.role = "control"
        self.refuse = ""
        """Reason why controls are refused."""
        self.trouble: dict[str, Any] = {}
        """What `/api/live` says of the system otherwise than usual."""
        self.providers: dict[str, dict[str, Any]] = {}
        """And of the providers."""
        self.leg_trouble: dict[str, Any] = {}
        """And of every leg."""
        self.mute = False
        """Nobody speaks any more."""
        self.past: list[dict[str, Any]] = []
        """Events that were reported, newest last."""
        for number in range(1, calls + 1):
            self.begin(number)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.on_response_prepare.append(_secure)
        app.add_routes(
            [
                *(web.get(route.path, route.handler) for route in page_routes()),
                web.get("/favicon.ico", _nothing),
                web.get("/api/live", self._live),
                web.get("/api/session", self._session),
                web.get("/api/settings", self._settings),
                web.get("/api/calls", self._list),
                web.get("/api/calls/{call}", self._detail),
                web.get("/api/events/recent", self._recent),
                web.patch("/api/legs/{leg}", self._refuse),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = "http://127.0.0.1:{1}".format(*self._runner.addresses[0])

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    # --- Talk ---

    def begin(self, number: int) -> None:
        """One more call."""
        name = f"{3000 + 2 * number}-{number}"
        legs = (f"{3000 + 2 * number}", f"{3001 + 2 * number}")
        for leg, language, hears in ((legs[0], "en", "fr"), (legs[1], "fr", "en")):
            self.legs[leg] = TalkBoardLeg(leg, language, hears, name)
        age = self._random.uniform(5, 900)
        self.calls[name] = {
            "call": name,
            "state": "running",
            "began": time.time() - age,
            "reason": "",
            "legs": list(legs),
            "languages": ["en", "fr"],
            "modes": ["streaming", self._random.choice(["streaming"] * 9 + ["prerecorded"])],
            "lost_ms": 0,
            "segments": 0,
            "words": 0,
            "characters": 0,
            "cost": 0.0123,
            "listened": False,
            "mouth_to_ear_p50_ms": self._random.uniform(600, 900),
            "waiting_ms": 0.0,
            "ends_in_s": None,
            "behind_s": 0.0,
            "behind_max_s": 0.0,
            "skipped": 0,
            "echoed": 0,
        }
        self.lines[name] = []
        self._plan(
            name, legs, time.time() - self._random.uniform(5, 7), self._random.randrange(8), 0
        )

    def _plan(self, call: str, legs: tuple[str, str], at: float, turn: int, segment: int) -> None:
        """One utterance of one side, and everything that follows from it."""
        pair = SCRIPT[turn % len(SCRIPT)]
        speaker, ear = (legs[0], legs[1]) if turn % 2 == 0 else (legs[1], legs[0])
        text, translation = pair if turn % 2 == 0 else pair[::-1]
        words = text.split()
        end = at + 0.32 * len(words)
        final = end + self._random.uniform(0.35, 0.6)
        translated = final + self._random.uniform(0.05, 0.12)
        spoken = translated + self._random.uniform(0.08, 0.2)
        over = spoken + 0.3 * len(translation.split())
        self._at(at, "sound", call, speaker, of="said", begin=at, end=end)
        for count in range(1, len(words) + 1):
            heard = at + 0.32 * count + 0.2
            if heard < final - 0.05:
                self._at(heard, "interim", call, speaker, text=" ".join(words[:count]))
        line = {
            "leg": speaker,
            "segment": segment,
            "start_s": at - self.calls[call]["began"],
            "end_s": end - self.calls[call]["began"],
            "text": text,
            "translation": None,
            "state": "final",
            "at": {},
        }
        self._at(final, "final", call, speaker, text=text, by="fake")
        self._at(final, "segment", call, speaker, segment=segment, text=text, line=line)
        self._at(
            translated, "translation", call, speaker,
            segment=segment, source=text, text=translation, by="fake", ms=80.0, line=line,
        )  # fmt: skip
        self._at(spoken, "speech", call, speaker, state="started", segment=segment, line=line)
        self._at(spoken, "sound", call, ear, of="heard", begin=spoken, end=over)
        self._at(over, "speech", call, speaker, state="finished", segment=segment, line=line)
        self._at(over + 0.2, "plan", call, speaker, turn=turn + 1, segment=segment + 1, legs=legs)

    def _at(self, when: float, type_: str, call: str, leg: str, **more: Any) -> None:
        event = {"v": 1, "type": type_, "at": when, "call": call, "leg": leg, **more}
        heapq.heappush(self._due, (when, next(self._order), event))

    def _happened(self) -> Iterator[dict[str, Any]]:
        now = time.time()
        while self._extra:
            yield self._extra.pop(0)
        while self._due and self._due[0][0] <= now:
            _, _, event = heapq.heappop(self._due)
            call, leg = event["call"], self.legs[event["leg"]]
            if event["type"] == "plan" and self.mute:
                continue
            if event["type"] == "plan":
                self._plan(call, event["legs"], now, event["turn"], event["segment"])
            elif event["type"] == "sound":
                sounds: list[BoardSound] = getattr(leg, event["of"])
                sounds.append(BoardSound(event["begin"] - self._zero, event["end"] - self._zero))
                del sounds[:-8]
            else:
                self._write(event)
                if event["type"] != "interim":
                    self.past.append(event)
                    del self.past[:-1_000]
                yield event

    def _write(self, event: dict[str, Any]) -> None:
        line = event.pop("line", None)
        row = self.calls[event["call"]]
        if event["type"] == "segment":
            line["at"]["final"] = event["at"]
            self.lines[event["call"]].append(line)
            del self.lines[event["call"]][:-100]
            event["began"] = row["began"] + line["start_s"]
            event["ended"] = row["began"] + line["end_s"]
            row["segments"] += 1
            row["words"] += len(line["text"].split())
            row["characters"] += len(line["text"])
        elif event["type"] == "translation":
            line["at"]["translated"] = event["at"]
            line["translation"], line["state"] = event["text"], "translated"
        elif event["type"] == "speech" and event["state"] == "started":
            line["at"]["spoken"] = event["at"]
            line["state"] = "spoken"

    def say(self, call: str, text: str) -> None:
        """A line of its own, now."""
        leg = self.calls[call]["legs"][0]
        number = 1_000 + len(self.lines[call])
        now = time.time()
        line = {
            "leg": leg, "segment": number, "start_s": now - 1 - self.calls[call]["began"],
            "end_s": now - self.calls[call]["began"], "text": text, "translation": None,
            "state": "final", "at": {},
        }  # fmt: skip
        self._at(now, "segment", call, leg, segment=number, text=text, line=line)

    def line(
        self, call: str, leg: str, number: int, ago: float, text: str, translation: str | None
    ) -> None:
        """A line that began `ago` seconds ago and took one."""
        began = time.time() - ago
        self.lines[call].append(
            {
                "leg": leg,
                "segment": number,
                "start_s": began - self.calls[call]["began"],
                "end_s": began + 1.0 - self.calls[call]["began"],
                "text": text,
                "translation": translation,
                "state": "spoken" if translation else "untranslated",
                "at": {"final": began + 1.2, "translated": began + 1.3, "spoken": began + 1.5}
                if translation
                else {"final": began + 1.2},
            }
        )

    def end(self, call: str) -> None:
        """It is over, as the row says that comes next."""
        self.calls[call] |= {
            "state": "ended",
            "reason": "idle",
            "seconds": time.time() - self.calls[call]["began"],
        }

    def outage(self, status: int = 401, kind: str = "denied") -> None:
        """Every provider is down, for 95 seconds."""
        since = time.time() - 95
        words = "INVALID_AUTH: Invalid credentials. (Check that the key belongs to this project.)"
        self.providers = {
            name: {
                "state": "open", "reason": f"{name} answered {status}: {words}", "kind": kind,
                "status": status, "since": since, "until": time.time() + 30,
            }
            for name in PROVIDERS
        }  # fmt: skip
        for row in self.calls.values():
            row["waiting_ms"] = 27_600.0
        reason = f"deepgram.listen answered {status}: {words}"
        self.leg_trouble = {"mode": "prerecorded", "reason": reason, "waiting_ms": 13_800.0}
        self.mute = True

    def recover(self) -> None:
        """All is well."""
        self.providers, self.leg_trouble, self.mute = {}, {}, False
        for row in self.calls.values():
            row["waiting_ms"] = 0.0

    def tell(self, type_: str, **more: Any) -> None:
        """An event of no call."""
        self._extra.append(
            {"v": 1, "type": type_, "at": time.time(), "call": None, "leg": None, **more}
        )

    # --- Routes ---

    def row(self, call: str) -> dict[str, Any]:
        row = self.calls[call]
        return {"seconds": time.time() - row["began"], **row}

    def leg_live(self, name: str) -> dict[str, Any]:
        leg = self.legs[name]
        now = time.time() - self._zero
        speaking = any(sound.begin <= now < sound.end for sound in leg.said)
        return {
            "leg": name, "call": leg.call, "language": leg.language, "hears": leg.hears,
            "mode": "streaming", "reason": "", "setting": "auto", "volume": 1.0, "muted": False,
            "listened": False, "level_db": random.uniform(-24, -12) if speaking else -62.0,
            "datagram_rate": 50.0, "jitter_ms": round(random.uniform(0.05, 0.3), 2),
            "drops": {"kernel": 0, "ring": 0, "strangers": 0},
            "queues": {
                "playout_ms": max([0.0, *((s.end - now) * 1000 for s in leg.heard)]),
                "segments": 0, "pieces": 0,
            },
            "lost_ms": 0, "words": leg.words, "source": "127.0.0.1:40112", "strangers": 0,
            "waiting_ms": 900.0 if speaking else 0.0,
            "behind_s": 0.0, "tempo": 1.0, "original": "replace", "skipped": 0,
            "keyterm": [], "mos": 4.3, "speech_db": -26.0, "clipped": 0.0, "confidence": 0.97,
            "echo": {"guard": True, "lag_ms": 0.0, "gain_db": None, "frames": 0, "finals": 0},
            **self.leg_trouble,
        }  # fmt: skip

    def stages(self) -> dict[str, dict[str, float]]:
        return {
            stage: {"count": 30, "p50": mid, "p95": mid * 1.4, "p99": mid * 1.7, "max": mid * 2}
            for stage, mid in STAGES.items()
        }

    def system(self) -> dict[str, Any]:
        return {
            "cpu_percent": 41.5, "rss_mb": 212.4,
            "calls": sum(row["state"] == "running" for row in self.calls.values()), "legs": len(self.legs),
            "calls_total": len(self.calls), "uptime": 7_300.0, "offline": None,
            "pressure": "calm", "mode": "auto", "share": 1.0, "media": "running",
            "draining": False, "legs_out_of_service": [], "legs_unheard": [], "lost_ms": 0.0,
            "stream": "deepgram.listen",
            "services": SERVICES,
            "providers": {
                name: {
                    "state": "closed", "reason": "", "attempts": 120, "opened": 0,
                    "kind": None, "status": None, "since": None, "until": None,
                } | self.providers.get(name, {})
                for name in PROVIDERS
            },
            "mouth_to_ear": {"p50": 741.0, "p95": 844.0, "p99": 912.0},
            "own": {"p50": 0.47, "p95": 0.81, "p99": 0.93},
            **self.trouble,
        }  # fmt: skip

    async def _session(self, _: web.Request) -> web.Response:
        return web.json_response({"role": self.role, "token_needed": False})

    async def _refuse(self, _: web.Request) -> web.Response:
        return web.json_response({"error": self.refuse}, status=409)

    async def _settings(self, _: web.Request) -> web.Response:
        return web.json_response(SETTINGS)

    async def _recent(self, request: web.Request) -> web.Response:
        call = request.query.get("call", "")
        found = [event for event in self.past if not call or event["call"] == call]
        return web.json_response({"events": found[-200:]})

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query.get("q", "")
        calls = [
            self.row(call)
            for call in self.calls
            if not query or any(query.lower() in line["text"].lower() for line in self.lines[call])
        ]
        state = request.query.get("state", "running")
        return web.json_response(
            {"calls": [row for row in calls if state in ("all", row["state"])]}
        )

    async def _detail(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        legs = {leg: self.leg_live(leg) for leg in self.calls[call]["legs"]}
        return web.json_response(
            {
                **self.row(call),
                "names": self.calls[call]["legs"],
                "legs": legs,
                "stages_ms": self.stages(),
                "transcript": self.lines[call],
            }
        )

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=4096, compress=False)
        await socket.prepare(request)
        watch: dict[str, Any] = {"calls": [], "levels": [], "events": "watched"}
        reading = asyncio.create_task(self._read(socket, watch))
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._tell(socket, watch)
        reading.cancel()
        return socket

    async def _read(self, socket: web.WebSocketResponse, watch: dict[str, Any]) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                watch.update(orjson.loads(message.data)["watch"])
                self.watched.append(dict(watch))
        await socket.close()

    async def _tell(self, socket: web.WebSocketResponse, watch: dict[str, Any]) -> None:
        hello = {"version": "0.0", "role": self.role, "listen_in": True}
        calls = [self.row(call) for call in self.calls]
        await self._send(socket, {"hello": hello, "calls": calls, "system": self.system()})
        reported: dict[str, int] = {}
        list(self._happened())  # what nobody was there to see
        for tick in itertools.count(1):
            await asyncio.sleep(TICK)
            if socket.closed:
                return
            events = [
                event
                for event in self._happened()
                if event["type"] != "interim" or event["call"] in watch["calls"]
            ]
            if watch["events"] == "watched":
                events = [e for e in events if e["call"] is None or e["call"] in watch["calls"]]
            out: dict[str, Any] = {"n": tick, "events": events, "levels": {}}
            now = int((time.time() - self._zero) / SLOT)
            for leg in watch["levels"]:
                first = max(reported.get(leg, 0), now - 1000)
                reported[leg] = now
                at = self._zero + first * SLOT
                out["levels"][leg] = {
                    of: [first, _packed(self.legs[leg].envelope(of, first, now)), at]
                    for of in ("said", "heard")
                }
            if tick % 20 == 0:
                out["calls"] = [self.row(call) for call in self.calls]
                out["system"] = self.system()
                out["stages"] = {call: self.stages() for call in watch["calls"]}
            if tick % 10 == 0:
                legs = [leg for call in watch["calls"] for leg in self.calls[call]["legs"]]
                out["legs"] = {leg: self.leg_live(leg) for leg in legs}
            await self._send(socket, out)

    async def _send(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        await socket.send_str(orjson.dumps({"v": 1, "at": time.time(), **message}).decode())


def _packed(pairs: bytes) -> str:
    return base64.b64encode(pairs).decode()


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


PROVIDERS = ("deepgram.listen", "deepgram.prerecorded", "deepl", "deepgram.speak")
SERVICES = {
    "recognition": ["deepgram.prerecorded", "deepgram.listen"],
    "translation": ["deepl"],
    "speech": ["deepgram.speak"],
}
SETTINGS = {
    "mode": "auto",
    "streaming_share": 1.0,
    "idle_timeout": 30.0,
    "legs": [
        {
            "name": name, "language": language, "listen": f"127.0.0.1:{port}",
            "play_to": f"127.0.0.1:{port + 1}", "ledger_seconds": 60.0,
        }
        for name, language, port in (("3333", "en", 6120), ("4444", "fr", 6122))
    ],
    "deepgram": {"api_key": "***"},
    "deepl": {"api_key": "***"},
}  # fmt: skip
STAGES = {
    "socket_to_ring": 0.08, "ring_to_loop": 0.07, "ring_to_wire": 0.33, "speech_to_final": 604.0,
    "commit_wait": 0.02, "commit_to_request": 0.21, "translate": 62.0, "request_to_audio": 91.0,
    "audio_to_sent": 0.24, "own": 0.47, "mouth_to_ear": 741.0, "ear_voice_span": 2410.0,
}  # fmt: skip


async def main() -> None:
    """`python -m tests.dashboard.board 100 3999`: to look at the page by hand."""
    import sys

    board = TalkBoard(int(sys.argv[1]))
    await board.start(int(sys.argv[2]))
    print(board.url)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
