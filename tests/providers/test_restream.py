"""A piece recognised by a stream of its own, in virtual time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice

import pytest

from tests.support.number_talk import FRAME, hear, talk
from tests.support.virtual import run_virtually
from tests.support.world import NumberStream, Plan, World
from translink.errors import Kind, ProviderError
from translink.providers.pace import PACE, SLACK
from translink.providers.restream import Restream
from translink.results import RATE, Result, StreamEvent


def piece(seconds: float = 12.0) -> bytes:
    frames = islice(talk(random.Random(1), seconds), round(seconds * 50))
    return b"".join(value.to_bytes(2, "little") * FRAME for value, _ in frames)


def restream(plan: Plan, scene: Callable[[World, Restream], Awaitable[None]]) -> World:
    async def main() -> World:
        world = World(1, plan)
        await scene(world, Restream(world))
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert world.open_streams == 0, "the connection is closed"
        return world

    return run_virtually(main())


def test_every_word_of_the_piece_comes_back_once_at_the_pace_that_is_allowed() -> None:
    pcm = piece()

    async def scene(world: World, restream: Restream) -> None:
        began = time.monotonic()
        result = await restream.transcribe(pcm, "en")
        took = time.monotonic() - began
        assert 12 / PACE - SLACK < took < 12 / PACE + 1
        assert [w.text for w in result.words] == [w.text for w in hear(pcm)]
        assert result.text == " ".join(w.text for w in result.words)
        assert (result.start, result.end, result.final) == (0, len(pcm) // 2, True)
        assert result.received == time.monotonic()
        assert result.provider == "fake"

    assert restream(Plan(), scene).complaints == []


@pytest.mark.parametrize(
    "plan",
    [
        Plan(reset=[4.0]),
        Plan(refuse=[(0.0, 99.0, Kind.BUSY)]),
        Plan(mute=[5.0]),
    ],
    ids=["reset", "refused", "mute"],
)
def test_a_stream_that_fails_is_a_failure_and_not_a_shorter_text(plan: Plan) -> None:
    async def scene(world: World, restream: Restream) -> None:
        with pytest.raises(ProviderError):
            await restream.transcribe(piece(), "en")

    restream(plan, scene)


def test_giving_up_drops_the_connection() -> None:
    async def scene(world: World, restream: Restream) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.0):
                await restream.transcribe(piece(), "en")

    restream(Plan(block=[1.0]), scene)


class Odd(NumberStream):
    """Ends by itself after one final, or has a bug."""

    bug: Exception | None = None

    async def send(self, pcm: bytes) -> None:
        if self.bug is not None:
            raise self.bug
        await asyncio.sleep(0)

    async def close(self, wait: float = 5.0) -> None:
        await asyncio.sleep(wait)

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        await asyncio.sleep(2.0)
        yield Result(0, RATE, "one", (), True)
        if self.bug is not None:
            await asyncio.sleep(3600)


def odd(world: World, bug: Exception | None) -> None:
    async def connect(language: str) -> Odd:
        stream = Odd(world)
        stream.bug = bug
        return stream

    world.connect = connect  # type: ignore[method-assign]


def test_a_server_that_ends_the_stream_early_has_not_heard_it_all() -> None:
    async def scene(world: World, restream: Restream) -> None:
        odd(world, None)
        with pytest.raises(ProviderError, match="unasked") as caught:
            await restream.transcribe(piece(), "en")
        assert caught.value.provider == restream.name

    restream(Plan(), scene)


def test_a_bug_is_not_waited_out() -> None:
    async def scene(world: World, restream: Restream) -> None:
        odd(world, ZeroDivisionError("a bug"))
        began = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            await restream.transcribe(piece(), "en")
        assert time.monotonic() - began < 0.1

    restream(Plan(), scene)
