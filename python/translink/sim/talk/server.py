"""All providers of the talks in one server: `python -m translink.sim.talk.server` with a JSON object
(`TalkScene`) as its argument. One line of JSON when it is ready, then it serves until its standard
input ends. GET `/talk` answers with what they were asked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from translink.offline.run import serve_until_stopped
from translink.offline.server import OfflineServer
from translink.sim.talk.engines import (
    TalkObservations,
    TalkSynthesizer,
    TalkTranslator,
    language_of,
)
from translink.sim.talk.recognizer import NOVA_TIMING, TalkRecognizers
from translink.sim.talk.words import TimedTalk, load_talks
from translink.sim.testbed import ROOMY_LIMITS


@dataclass(frozen=True, slots=True)
class TalkScene:
    """What the server must know of a run."""

    files: tuple[str, ...]
    seconds: float | None
    copies: int
    longer: float
    seed: int

    def talks(self) -> list[TimedTalk]:
        """One for each direction: all talkers of all files, `copies` times. Raises as `load_talks`."""
        talks = [talk for file in self.files for talk in load_talks(Path(file), self.seconds)]
        return talks * self.copies

    def command(self) -> list[str]:
        """The command line that starts the server."""
        return [
            sys.executable,
            "-m",
            "translink.sim.talk.server",
            orjson.dumps(asdict(self)).decode(),
        ]


def talk_server(scene: TalkScene) -> tuple[OfflineServer, TalkObservations]:
    """The server that stands for all providers, not started yet."""
    talks, observed = scene.talks(), TalkObservations()
    languages = frozenset(("en", *(language_of(talk) for talk in range(len(talks)))))
    server = OfflineServer(
        recognizer=TalkRecognizers(talks, languages, scene.seed, observed.committed),
        translator=TalkTranslator(talks, observed, scene.longer, scene.seed),
        synthesizer=TalkSynthesizer(languages, observed, scene.seed),
        timing=NOVA_TIMING,
        limits=ROOMY_LIMITS,
        routes=[web.get("/talk", _answers(observed))],
    )
    return server, observed


def _answers(observed: TalkObservations) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(observed.as_dict()), content_type="application/json")

    return answer


def main() -> None:
    """See the module's docstring."""
    given = orjson.loads(sys.argv[1])
    scene = TalkScene(**given | {"files": tuple(given["files"])})

    async def serve() -> None:
        server, _ = talk_server(scene)
        await server.start()
        line = orjson.dumps({"url": server.url}).decode() + "\n"
        await serve_until_stopped(server, line, until_eof=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
