"""A hundred calls without a phone: the real admin server in front of a board of simulated talk.

It is the load of `test_hundred_calls.py`, where a hundred real calls would measure the simulator
and not the page. What is asserted of controls is asserted against the real server elsewhere.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access.guard import Guard
from translink.admin.access.roles import Access
from translink.observe.journal import Event
from translink.observe.views import CallDetail, CallRow, LegLive
from translink.process.clock import unix

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
        """Pairs of slots [first, last), numbered by the monotonic clock as the server's are."""
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
        self._zero = unix(0.0)
        self._due: list[tuple[float, int, dict[str, Any]]] = []
        self._order = itertools.count()
        self._extra: list[dict[str, Any]] = []
        self.legs: dict[str, TalkBoardLeg] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.watched: list[dict[str, Any]] = []
        """Every watch message received."""
        self.refuse = ""
        """Reason why controls are refused."""
        self.trouble: dict[str, Any] = {}
        """What `/api/live` says of the system otherwise than usual."""
        self.providers: dict[str, dict[str, Any]] = {}
        """And of the providers."""
        self.recorded: set[str] = set()
        """Legs."""
        self.leg_trouble: dict[str, Any] = {}
        """And of every leg."""
        self.mute = False
        """Nobody speaks any more."""
        self.past: list[dict[str, Any]] = []
        """Events that were reported, newest last."""
        for number in range(1, calls + 1):
            self.begin(number)
        self._server: AdminServer | None = None
        self._pump: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self, port: int = 0, *, read_token: str | None = None) -> None:
        """`read_token`: one is needed, and this one may only read."""
        console = BoardConsole(self)
        guard = Guard(Access("127.0.0.1", read_token=read_token))
        self._server = AdminServer(console, port=port, guard=guard)
        await self._server.start()
        self.url = self._server.url
        self._pump = asyncio.create_task(self._run(console, self._server))

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        if self._server is not None:
            await self._server.close()

    async def _run(self, console: BoardConsole, server: AdminServer) -> None:
        while True:
            await asyncio.sleep(TICK)
            for event in self._happened():
                console.emit(event_of(event))
            for client in server._live._ticker._clients:
                watch = {"calls": list(client.watch.calls), "levels": list(client.watch.levels)}
                if not self.watched or self.watched[-1] != watch:
                    self.watched.append(watch)

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
        self._extra.append(
            {"type": "call", "at": time.time(), "call": name, "leg": None, "state": "begun"}
        )
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

    # --- As the console shows it ---

    def row(self, call: str) -> dict[str, Any]:
        row = self.calls[call]
        recorded = not self.recorded.isdisjoint(row["legs"])
        return {"seconds": time.time() - row["began"], **row, "recorded": recorded}

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
            "keyterm": [], "voice_for": "default", "recorded": name in self.recorded,
            "mos": 4.3, "speech_db": -26.0, "clipped": 0.0, "confidence": 0.97,
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


class BoardConsole(Program):
    """What the admin server sees of a board."""

    def __init__(self, board: TalkBoard) -> None:
        super().__init__()
        self._board = board

    def calls(self, state: str = "running") -> Iterator[CallRow]:
        for call in tuple(self._board.calls):
            row = self.row(call)
            if state in ("all", row.state):
                yield row

    def row(self, call: str) -> CallRow:
        return CallRow(**self._board.row(call))

    async def search(self, text: str) -> set[str]:
        return {
            call
            for call, lines in self._board.lines.items()
            if any(text.lower() in line["text"].lower() for line in lines)
        }

    async def call(self, call: str) -> CallDetail:
        row = self._board.row(call)
        more = {
            "names": row["legs"],
            "legs": {name: self.leg(name) for name in row["legs"]},
            "stages_ms": self._board.stages(),
            "owners": {},
            "transcript": self._board.lines[call],
            "notices": [],
            "dropped_lines": 0,
        }
        return cast("CallDetail", row | more)

    def stages(self, call: str) -> Mapping[str, Any]:
        self.row(call)
        return self._board.stages()

    def legs(self) -> list[str]:
        return list(self._board.legs)

    def leg(self, leg: str) -> LegLive:
        return LegLive(**self._board.leg_live(leg))

    def system(self) -> Mapping[str, Any]:
        return self._board.system()

    def settings(self) -> tuple[Mapping[str, Any], Iterator[Mapping[str, Any]]]:
        return SETTINGS, iter(LEGS)

    def envelope(self, leg: str, lane: str, start: int) -> tuple[int, bytes]:
        last = int(time.monotonic() / SLOT)
        first = max(start, last - 1_000)
        return first, self._board.legs[leg].envelope(lane, first, last)

    def recent(self, call: str | None, limit: int) -> list[Event]:
        found = [e for e in self._board.past if call is None or call == (e["call"] or "")]
        return [event_of(each) for each in found[-limit:]]

    def change_leg(self, leg: str, **changes: Any) -> LegLive:
        raise ValueError(self._board.refuse)


def event_of(said: dict[str, Any]) -> Event:
    """From the flat form."""
    data = dict(said)
    data.pop("v", None)
    return Event(data.pop("type"), data.pop("at"), data.pop("call"), data.pop("leg"), data)


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
    "pairs": [["3333", "4444"]],
    "deepgram": {"api_key": "***"},
    "deepl": {"api_key": "***"},
}  # fmt: skip
LEGS = [
    {
        "name": name, "language": language, "listen": f"127.0.0.1:{port}",
        "play_to": f"127.0.0.1:{port + 1}", "ledger_seconds": 60.0,
    }
    for name, language, port in (("3333", "en", 6120), ("4444", "fr", 6122))
]  # fmt: skip
STAGES = {
    "ring_to_wire": 0.33, "speech_to_final": 604.0,
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
