"""The engine as asyncio has it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import select
import socket
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benches.reference_udp import ReferenceLeg
from tests.fakes.media import FakeFrame
from tests.support.serve import until
from translink._core import Frame, Playout, RtpFound
from translink.media import Media, MediaLeg
from translink.media.media_leg import SetAside
from translink.process.pressure import Pressure
from translink.settings.legs import LegSettings

LOCAL = ("127.0.0.1", 0)


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    made = Media()
    made.start()
    yield made
    made.close()


@pytest.fixture
def talker() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(LOCAL)
        made.setblocking(False)
        yield made


class Owner:
    """Keeps what a leg tells."""

    def __init__(self, leg: MediaLeg) -> None:
        self.frames: list[Frame] = []
        self.batches: list[int] = []
        self.steps: list[Playout] = []
        self.together = 0
        """So many frames of silence may come together."""
        leg.on_frames = self.hear
        leg.on_playout = self.steps.append

    def hear(self, frames: list[Frame]) -> int:
        self.batches.append(len(frames))
        self.frames += frames
        return self.together


def leg_settings(name: str, **settings: object) -> LegSettings:
    """Unchecked: these need no ear."""
    chosen: dict[str, Any] = {"listen": LOCAL, "language": "en", **settings}
    return LegSettings.model_construct(name=name, **chosen)


def open_leg(media: Media, name: str = "3333", **settings: object) -> tuple[MediaLeg, Owner]:
    leg = media.add_leg(leg_settings(name, tail_ms=0, **settings))
    return leg, Owner(leg)


async def test_each_leg_hears_its_own_talker(media: Media, talker: socket.socket) -> None:
    legs = [open_leg(media, str(n)) for n in range(3)]
    for number, (leg, _) in enumerate(legs):
        for _ in range(10):
            talker.sendto(bytes([number]) * 640, leg.listen_address)
    await until(lambda: all(len(owner.frames) == 10 for _, owner in legs))
    for number, (leg, owner) in enumerate(legs):
        assert {frame.pcm for frame in owner.frames} == {bytes([number]) * 640}
        assert {frame.leg for frame in owner.frames} == {leg.number}
        assert leg.counters()["datagrams_in"] == 10
        assert media.counters()[leg.name]["bytes_in"] == 6_400


async def test_what_waited_comes_at_once_and_in_order(media: Media, talker: socket.socket) -> None:
    leg, owner = open_leg(media)
    for _ in range(600):
        talker.sendto(bytes(640), leg.listen_address)
    while leg.counters()["frames_in"] < 600:
        pass  # The loop is not served meanwhile.
    await until(lambda: bool(owner.frames))
    assert owner.batches == [600]
    assert [frame.start for frame in owner.frames] == list(range(0, 600 * 320, 320))


async def test_between_slices_of_many_legs_the_loop_breathes(
    media: Media, talker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translink.media.media.LEGS_AT_ONCE", 2)
    turns = 0
    served: list[tuple[str, int]] = []

    def turn() -> None:
        nonlocal turns
        turns += 1
        if len(served) < 5:
            asyncio.get_running_loop().call_soon(turn)

    legs = [open_leg(media, str(n))[0] for n in range(5)]
    for leg in legs:
        leg.on_frames = lambda _, name=leg.name: served.append((name, turns))
        for _ in range(3):
            talker.sendto(bytes(640), leg.listen_address)
    while sum(leg.counters()["frames_in"] for leg in legs) < 15:
        pass
    turn()
    await until(lambda: len(served) == 5)
    assert sorted(name for name, _ in served) == ["0", "1", "2", "3", "4"]
    at = [turn for _, turn in served]
    assert at[0] == at[1] < at[2] == at[3] < at[4]


async def test_under_pressure_frames_come_together_and_afterwards_one_by_one(
    talker: socket.socket,
) -> None:
    pressure = Pressure()
    media = Media(pressure=pressure)
    media.start()
    leg, owner = open_leg(media)

    async def talk(frames: int) -> list[int]:
        owner.batches.clear()
        begun, before = time.monotonic(), len(owner.frames)
        for number in range(frames):
            await asyncio.sleep(max(0.0, begun + number * 0.02 - time.monotonic()))
            talker.sendto(bytes(640), leg.listen_address)
        await until(lambda: len(owner.frames) == before + frames)
        return owner.batches

    assert max(await talk(10)) <= 2
    pressure.frames_per_message = 5
    assert len(await talk(26)) <= 8
    pressure.frames_per_message = 1
    await talk(6)
    assert max(await talk(10)) <= 2
    starts = [frame.start for frame in owner.frames]
    assert starts == list(range(0, 52 * 320, 320))
    media.close()


NOISE = array("h", random.Random(3).choices(range(-9_000, 9_000), k=320)).tobytes()
"""20 ms of what a detector takes for speech before long."""


async def say(leg: MediaLeg, talker: socket.socket, pcm: bytes) -> None:
    """One frame, and what it brings about."""
    before = leg.counters()["frames_in"]
    talker.sendto(pcm, leg.listen_address)
    await until(lambda: leg.counters()["frames_in"] > before)
    await asyncio.sleep(0.005)


async def test_silence_that_may_wait_comes_together_and_speech_at_once(
    media: Media, talker: socket.socket
) -> None:
    leg, owner = open_leg(media)
    owner.together = 5

    def all_taken() -> bool:
        aside = sum(len(silence.frames) for silence in media._calm.values())
        return len(owner.frames) + aside == leg.counters()["frames_in"]

    for _ in range(13):
        await say(leg, talker, bytes(640))
        await until(all_taken)
    assert owner.batches == [1, 5, 5]
    while not owner.frames[-1].speech:
        assert len(owner.frames) < 200
        await say(leg, talker, NOISE)
        await until(all_taken)
    assert [frame.start for frame in owner.frames] == list(range(0, 320 * len(owner.frames), 320))
    assert len(owner.frames) == leg.counters()["frames_in"], "nothing is left behind"
    assert [frame.speech for frame in owner.frames].count(True) == 1


@pytest.mark.parametrize("end", [MediaLeg.reset, MediaLeg.detach])
async def test_silence_that_was_put_aside_ends_with_its_call(
    media: Media, talker: socket.socket, end: Callable[[MediaLeg], None]
) -> None:
    leg, owner = open_leg(media)
    owner.together = 5
    for _ in range(4):
        await say(leg, talker, bytes(640))
    end(leg)
    while len(owner.batches) == 1:
        # What comes before the media thread heard of the end still belongs to the call that ended.
        await say(leg, talker, b"\1\0" * 320)
    assert owner.frames[1].pcm == b"\1\0" * 320
    assert owner.batches[1] < 5, "the first one of a call does not wait"


async def test_silence_that_was_put_aside_is_handed_over_on_request(
    media: Media, talker: socket.socket
) -> None:
    leg, owner = open_leg(media)
    owner.together = 5
    await say(leg, talker, bytes(640))
    await until(lambda: owner.batches == [1])
    for n in range(3):
        await say(leg, talker, bytes(640))
        await until(lambda n=n: len(media._calm[leg.number].frames) == n + 1)  # type: ignore[misc]
    leg.hand_over()
    leg.hand_over()
    assert owner.batches == [1, 3]


@dataclass(frozen=True)
class HangupHere:
    leg: int
    connection: int = 0


class Drained:
    """An engine whose mailbox holds this."""

    def __init__(self, engine: Any, items: list[Any]) -> None:
        self._engine, self._items = engine, items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def drain(self, _: int) -> list[Any]:
        items, self._items = self._items, []
        return items


@pytest.mark.parametrize("asked", [False, True])
async def test_what_was_said_before_a_hang_up_is_heard_before_it(
    media: Media, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    monkeypatch.setattr("translink.media.media.LEGS_AT_ONCE", 1)
    monkeypatch.setattr("translink.media.media.Frame", FakeFrame)
    monkeypatch.setattr("translink.media.media_leg.Hangup", HangupHere)
    one, two = (media.add_leg(leg_settings(name)) for name in ("1", "2"))
    told: list[str] = []
    for leg in (one, two):
        leg.on_frames = lambda _, name=leg.name: told.append(f"{name} speaks")
        leg.on_hangup = lambda name=leg.name: told.append(f"{name} hangs up")
    items = [FakeFrame(0, True, 0, 0, leg=leg.number) for leg in (one, two)]
    media._engine = Drained(media._engine, [*items, HangupHere(two.number)])  # type: ignore[assignment]
    media._drain()
    assert told == ["1 speaks"], "the other leg waits for its turn"
    if asked:
        two.hand_over()
        assert told == ["1 speaks", "2 speaks"]
    await until(lambda: len(told) == 3)
    assert told == ["1 speaks", "2 speaks", "2 hangs up"]


async def test_a_connection_that_has_ended_does_not_hang_up_the_next_one(media: Media) -> None:
    leg = media.add_leg(leg_settings("1"))
    told: list[str] = []
    leg.on_hangup = lambda: told.append("hung up")
    (near, far), (next_near, next_far) = socket.socketpair(), socket.socketpair()
    with near, far, next_near, next_far:
        leg.attach(near.fileno())
        far.close()
        # The end of it waits in the mailbox, and the loop has not looked yet.
        assert select.select([media._engine.fileno()], [], [], 5.0)[0]
        leg.attach(next_near.fileno())
        await asyncio.sleep(0.05)
        assert told == []
        next_far.close()
        await until(lambda: told == ["hung up"])


async def test_rtp_that_is_not_heard_stays_said_until_the_talker_is(media: Media) -> None:
    leg, owner = open_leg(media)
    owner.together = 5
    media._calm[leg.number] = SetAside(5)
    media._calm[leg.number].frames += cast("list[Frame]", [FakeFrame(0, False, 0, 0)])
    kind = SimpleNamespace(life=0, format="PCMU", payload_type=0, taken=False)
    found = cast("RtpFound", kind)
    leg.take_step(found)
    assert owner.batches == [1], "what came before it is told before it"
    leg.hand_over()
    leg.take_frames(cast("list[Frame]", [FakeFrame(320, False, 0, 0, filled=640)]))
    assert leg.unheard is found
    leg.take_frames(cast("list[Frame]", [FakeFrame(640, True, 0, 0)]))
    assert leg.unheard is None


async def test_silence_goes_on_coming_together_under_pressure(talker: socket.socket) -> None:
    pressure = Pressure()
    pressure.frames_per_message = 3
    media = Media(pressure=pressure)
    media.start()
    leg, owner = open_leg(media)
    owner.together = 5
    for _ in range(25):
        await say(leg, talker, bytes(640))
    await until(lambda: len(owner.frames) >= 20)
    assert min(owner.batches[1:]) >= 5
    media.close()


async def test_a_media_that_is_closed_by_a_callback_or_under_pressure_stays_closed(
    talker: socket.socket,
) -> None:
    for together in (1, 5):
        pressure = Pressure()
        pressure.frames_per_message = together
        media = Media(pressure=pressure)
        media.start()
        leg, _ = open_leg(media)
        closed: list[int] = []

        def close(frames: list[Frame], media: Media = media, closed: list[int] = closed) -> None:
            closed.append(len(frames))
            media.close()

        leg.on_frames = close
        talker.sendto(bytes(640), leg.listen_address)
        await until(lambda closed=closed: bool(closed))  # type: ignore[misc]
        await asyncio.sleep(0.15)
        assert closed == [1]
        assert media.callback_errors == 0


async def test_the_same_frames_as_the_reference(media: Media, talker: socket.socket) -> None:
    leg, owner = open_leg(media)
    reference = await ReferenceLeg.open(LOCAL)
    chance = random.Random(7)
    for _ in range(100):
        datagram = chance.randbytes(chance.randrange(1, 1500))
        talker.sendto(datagram, leg.listen_address)
        talker.sendto(datagram, reference.address)
    await until(lambda: reference.datagrams_in == 100 and leg.counters()["datagrams_in"] == 100)
    await until(lambda: len(owner.frames) >= len(reference.frames))
    assert [f.pcm for f in owner.frames][: len(reference.frames)] == reference.frames
    reference.close()


async def test_speech_reaches_the_ear_as_from_the_reference(media: Media) -> None:
    speech = os.urandom(5_000)
    heard: list[bytes] = []
    for engine in (True, False):
        ear = await ReferenceLeg.open(LOCAL)
        if engine:
            leg, owner = open_leg(media, play_to=ear.address)
            assert leg.play(1, speech, last=True) == len(speech)
            await until(lambda o=owner: len(o.steps) == 2)  # type: ignore[misc]
            assert [step.kind for step in owner.steps] == ["started", "finished"]
        else:
            reference = await ReferenceLeg.open(LOCAL, ear.address)
            reference.play(speech)
        await until(lambda e=ear: len(e.frames) == 8)  # type: ignore[misc]
        heard.append(b"".join(ear.frames))
        ear.close()
    reference.close()
    assert heard[0] == heard[1]


async def test_a_bug_in_one_owner_does_not_deafen_the_others(
    media: Media, talker: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(frames: list[Frame]) -> None:
        raise ValueError("a bug")

    sick, _ = open_leg(media, "sick")
    sick.on_frames = fail
    _, owner = open_leg(media, "sound")
    with caplog.at_level(logging.ERROR, "translink.media"):
        for _ in range(7):
            talker.sendto(bytes(640), sick.listen_address)
            await until(lambda: sick.counters()["frames_in"] > media.callback_errors - 1)
            await asyncio.sleep(0.005)
        talker.sendto(bytes(640), media._legs[owner_leg(owner, media)].listen_address)
        await until(lambda: len(owner.frames) == 1)
    assert media.callback_errors == 7
    # The 1st, 2nd and 4th.
    assert [r.getMessage() for r in caplog.records] == ["a callback of leg sick failed"] * 3


def owner_leg(owner: Owner, media: Media) -> int:
    return next(n for n, leg in media._legs.items() if leg.on_frames == owner.hear)


async def test_frames_of_the_call_before_are_not_delivered_after_reset(
    media: Media, talker: socket.socket
) -> None:
    leg, owner = open_leg(media)
    talker.sendto(b"\x01" * 6_400, leg.listen_address)
    while leg.counters()["frames_in"] < 10:
        pass  # They wait in the mailbox now.
    leg.reset()
    # What comes before the media thread heard of the end still belongs to the call that ended.
    while leg.history(0, 10**6)[1]:
        pass
    talker.sendto(b"\x02" * 640, leg.listen_address)
    await until(lambda: bool(owner.frames))
    assert [frame.pcm for frame in owner.frames] == [b"\x02" * 640]
    assert leg.history(0, 10**6)[1] == b"\x02" * 640


async def test_a_removed_leg_is_silent_and_its_address_free(
    media: Media, talker: socket.socket
) -> None:
    leg, owner = open_leg(media)
    talker.sendto(bytes(640), leg.listen_address)
    while leg.counters()["frames_in"] < 1:
        pass
    leg.remove()
    leg.remove()
    again = media.add_leg(leg_settings("again", listen=leg.listen_address))
    await asyncio.sleep(0.02)
    assert owner.frames == []
    assert again.number > leg.number
    with pytest.raises(LookupError):
        leg.play(1, bytes(640))


async def test_flush_is_reported_with_what_was_not_played(media: Media) -> None:
    leg, owner = open_leg(media)
    leg.play(4, bytes(64_000), last=True)
    leg.flush()
    await until(lambda: any(step.kind == "flushed" for step in owner.steps))
    assert owner.steps[-1].utterance == 4
    assert owner.steps[-1].unplayed >= 64_000 - 3 * 640
    assert leg.counters()["playout_queued"] == 0


async def test_a_small_receive_buffer_is_warned_about(
    media: Media, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stingy:
        def __init__(self, engine: object) -> None:
            self._engine = engine

        def __getattr__(self, name: str) -> object:
            return getattr(self._engine, name)

        def counters(self, leg: int) -> dict[str, int]:
            return {"rcvbuf": 106_496}

    monkeypatch.setattr(media, "_engine", Stingy(media._engine))
    with caplog.at_level(logging.WARNING, "translink.media"):
        media.add_leg(leg_settings("3333"))
    assert "grants 106496 of 4194304" in caplog.text


async def test_a_dead_engine_is_reported_once(
    media: Media, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead:
        def fileno(self) -> int:
            return real.fileno()

        def drain(self, limit: int) -> list[object]:
            raise RuntimeError("the media thread died of a bug in translink")

        def close(self) -> None:
            real.close()

    real = media._engine
    leg, _ = open_leg(media)
    reported: list[bool] = []
    media.on_died = lambda: reported.append(True)
    monkeypatch.setattr(media, "_engine", Dead())
    with caplog.at_level(logging.CRITICAL, "translink.media"):
        leg.play(1, bytes(640), last=True)
        await until(lambda: bool(reported))
        leg.play(2, bytes(640), last=True)
        await asyncio.sleep(0.05)
    assert reported == [True]
    assert "the media engine stopped" in caplog.text


async def test_only_the_named_sender_is_heard(media: Media, talker: socket.socket) -> None:
    leg = media.add_leg(leg_settings("1", source="192.0.2.7"))
    talker.sendto(bytes(640), leg.listen_address)
    await until(lambda: leg.counters()["strangers"] == 1)
    assert leg.source() is None


async def test_start_is_for_once() -> None:
    media = Media()
    media.start()
    with pytest.raises(RuntimeError, match="already"):
        media.start()
    media.close()
    media.close()


def test_a_media_that_never_started_closes() -> None:
    Media().close()


async def test_tempo_and_echo_guard_are_the_systems_unless_a_leg_has_its_own() -> None:
    media = Media(tempo=((0.3, 1.0), (1.5, 1.35)), echo_guard=True)
    legs = [
        media.add_leg(leg_settings(name, echo_guard=own, original=original))
        for name, own, original in (("1", None, "replace"), ("2", False, "duck"))
    ]
    try:
        assert [leg.echo_guard for leg in legs] == [True, False]
        assert [leg.original for leg in legs] == ["replace", "duck"]
        legs[1].set_echo_guard(True)
        legs[0].set_original("captions")
        legs[0].listen_to(legs[1])
        assert legs[1].echo_guard
        assert legs[0].original == "captions"
        # Ten seconds wait: the first point is passed, so they are said faster.
        legs[1].play(1, os.urandom(320_000), last=True)
        await until(lambda: legs[1].counters()["tempo"] > 1_300)
        assert 6.0e9 < legs[1].counters()["behind_ns"] < 8.0e9
    finally:
        media.close()


async def test_where_nothing_is_to_be_spoken_what_comes_is_reported_as_flushed(
    media: Media,
) -> None:
    leg, owner = open_leg(media, play_to=LOCAL)
    leg.set_original("captions")
    leg.play(1, bytes(64_000), last=True)
    await until(lambda: bool(owner.steps))
    assert [(step.kind, step.unplayed) for step in owner.steps] == [("flushed", 64_000)]
    assert leg.counters()["drops_playout"] == 0
