"""A caller keeps real time over real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from translink.callers.caller import Caller, fixed_size, random_sizes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

WORDS = struct.pack("<h", 4_000) * 3_200
"""200 ms."""


@dataclass
class EchoingSocket(asyncio.DatagramProtocol):
    """A socket that keeps what it receives and, if asked to, says it back at once."""

    echo: bool = False
    got: list[tuple[float, bytes]] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.append((time.monotonic(), data))
        if self.echo and self.transport is not None and any(data):
            self.transport.sendto(data, addr)

    @property
    def stream(self) -> bytes:
        return b"".join(data for _, data in self.got)

    @property
    def address(self) -> tuple[str, int]:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")
        return host, port


@pytest.fixture
async def leg() -> AsyncIterator[EchoingSocket]:
    made = EchoingSocket()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: made, local_addr=("127.0.0.1", 0)
    )
    yield made
    transport.close()


SIZES = [
    fixed_size(160),
    fixed_size(320),
    fixed_size(510),
    fixed_size(640),
    fixed_size(7_680),
    fixed_size(161),
    random_sizes(seed=3),
]


async def arrived(leg: EchoingSocket, caller: Caller) -> None:
    """Until all that was sent is here, or for 20 s."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while len(leg.stream) < caller.sent.bytes:  # noqa: ASYNC110 - a socket
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("sizes", SIZES, ids=["160", "320", "510", "640", "7680", "161", "random"])
async def test_words_arrive_whole_and_on_a_sample_whatever_the_datagrams(
    leg: EchoingSocket, sizes: Iterator[int]
) -> None:
    async with Caller(leg.address, sizes=sizes) as caller:
        await caller.say(WORDS)
        await caller.say(WORDS)
    await arrived(leg, caller)
    samples = struct.unpack(f"<{len(leg.stream) // 2}h", leg.stream[: len(leg.stream) // 2 * 2])
    assert set(samples) <= {0, 4_000}
    assert samples.count(4_000) == 2 * len(WORDS) // 2
    assert caller.sent.bytes == len(leg.stream)


async def test_one_second_of_sound_takes_one_second(leg: EchoingSocket) -> None:
    async with Caller(leg.address) as caller:
        began = time.monotonic()
        said = await caller.say(WORDS * 5)
        took = time.monotonic() - began
    assert said.ended - said.began == pytest.approx(1.0)
    assert took > 0.98
    loud = [at for at, data in leg.got if any(data)]
    assert loud[-1] - loud[0] > 0.88


async def test_a_big_datagram_leaves_when_its_last_sample_was_captured(leg: EchoingSocket) -> None:
    async with Caller(leg.address, sizes=fixed_size(7_680)) as caller:
        began = time.monotonic()
        await caller.say(WORDS)
    assert leg.got[0][0] - began >= 0.235


async def test_an_open_microphone_sends_silence_and_a_closed_one_nothing(
    leg: EchoingSocket,
) -> None:
    async with Caller(leg.address, open_mic=False) as caller:
        await caller.say(WORDS)
        await arrived(leg, caller)
        await asyncio.sleep(0.1)  # in which an open one would send
        assert leg.stream == WORDS
        await caller.say(WORDS)
        await arrived(leg, caller)
        assert leg.stream == WORDS * 2
    async with Caller(leg.address, open_mic=True), asyncio.timeout(20):
        while leg.stream.count(b"\0" * 640) < 3:  # noqa: ASYNC110 - a socket
            await asyncio.sleep(0.01)


async def test_the_second_line_waits_for_the_first(leg: EchoingSocket) -> None:
    other = struct.pack("<h", 999) * 1_600
    async with Caller(leg.address, open_mic=False) as caller:
        one, two = await asyncio.gather(caller.say(WORDS), caller.say(other))
    assert two.began > one.ended - 1e-3  # by the clock and by sums of durations: some µs apart
    async with asyncio.timeout(10):
        while len(leg.stream) < len(WORDS + other):  # noqa: ASYNC110 - the last may be on its way
            await asyncio.sleep(0.01)
    assert leg.stream == WORDS + other


async def test_a_saying_that_is_given_up_falls_silent_at_once(leg: EchoingSocket) -> None:
    async with Caller(leg.address, open_mic=False) as caller:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(caller.say(WORDS * 10), 0.2)
        await asyncio.sleep(0.1)
        assert len(leg.stream) < len(WORDS) * 2
        before = len(leg.stream)
        await caller.say(WORDS)
        await arrived(leg, caller)
        assert leg.stream[before:] == WORDS


async def test_hanging_up_ends_a_saying(leg: EchoingSocket) -> None:
    caller = Caller(leg.address)
    async with caller:
        saying = asyncio.create_task(caller.say(WORDS * 10))
        await asyncio.sleep(0.05)
    with pytest.raises(ConnectionAbortedError):
        await saying
    await caller.close()


async def test_a_bug_in_the_sizes_reaches_the_speaker(leg: EchoingSocket) -> None:
    async with Caller(leg.address, sizes=itertools.chain([640], map(int, ["x"]))) as caller:
        with pytest.raises(ValueError, match="invalid literal"):
            await caller.say(WORDS)
        caller._mic = None  # its failure was seen above


async def test_half_a_sample_is_refused(leg: EchoingSocket) -> None:
    async with Caller(leg.address) as caller:
        with pytest.raises(ValueError, match="whole samples"):
            await caller.say(b"\0\0\0")


async def test_what_comes_back_is_heard_with_its_time(leg: EchoingSocket) -> None:
    leg.echo = True
    tape = bytearray()
    async with Caller(leg.address, record=tape.extend) as caller:
        await asyncio.sleep(0.2)
        said = await caller.say(WORDS)
        assert await caller.quiet(0.1, patience=20.0)
        heard = caller.heard
        assert heard.first_sound is not None
        assert 0.0 < heard.first_sound - said.began < 5.0
        assert heard.sound_seconds == pytest.approx(0.2, abs=0.1)
    assert bytes(tape).count(WORDS[:2]) == len(WORDS) // 2
    first = next(i for i, byte in enumerate(tape) if byte) / 32_000
    assert first > 0.2


async def test_patience_ends_when_nothing_is_ever_heard(leg: EchoingSocket) -> None:
    async with Caller(leg.address) as caller:
        began = time.monotonic()
        assert not await caller.quiet(0.05, patience=0.2)
        assert 0.2 <= time.monotonic() - began < 10


async def test_a_peer_that_is_not_there_ends_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = unused.getsockname()
    async with Caller(nowhere) as caller:
        await caller.say(WORDS)
        assert caller.sent.datagrams >= 10


async def test_an_ear_in_use_is_an_error(leg: EchoingSocket) -> None:
    with pytest.raises(OSError, match="in use"):
        Caller(leg.address, ear=leg.address)


@pytest.mark.parametrize("size", [0, -1, 65_508])
def test_a_size_that_no_datagram_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="65507"):
        fixed_size(size)


def test_random_sizes_are_the_same_for_the_same_seed() -> None:
    one, two = (list(itertools.islice(random_sizes(7), 50)) for _ in range(2))
    assert one == two
    assert any(size % 2 for size in one)
