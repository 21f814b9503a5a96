"""What a stream's handshake, results and end tell its provider's breaker."""

from __future__ import annotations

import time

import pytest

from tests.support.world import Plan, World
from translink.errors import Kind, ProviderError
from translink.providers.breaker import Breaker, Permit, State
from translink.providers.precedents import Precedents
from translink.providers.protocols import LiveTranscriber
from translink.providers.streams import Streams
from translink.providers.trial import Trial

LOST = ProviderError("closed", provider="x", kind=Kind.TRANSIENT)
REFUSED = ProviderError("closed", provider="x", kind=Kind.REFUSED)


def trial(breaker: Breaker, precedents: Precedents | None = None) -> Trial:
    permit = breaker.acquire(time.monotonic())
    assert isinstance(permit, Permit)
    before = precedents or Precedents()
    world = World(1, Plan(handshake=0.0))
    return Trial(world, "en", permit, breaker, before)


async def test_handshakes_alone_open_the_breaker_when_the_streams_break() -> None:
    health = Breaker("x")
    for _ in range(3):
        one = trial(health)
        (await one.connect()).abort()
        one.over(LOST)
    assert health.state is State.OPEN


async def test_a_stream_that_was_proved_is_a_success_and_its_loss_no_failure() -> None:
    health = Breaker("x")
    for _ in range(5):
        one = trial(health)
        (await one.connect()).abort()
        one.proved()
        one.over(LOST)
        one.abandoned()
        health.succeeded(0.0)
    assert health.state is State.CLOSED


async def test_a_probe_that_ends_as_intended_leaves_its_place_to_the_next() -> None:
    health = Breaker("x")
    for _ in range(3):
        health.failed(LOST, 0.0)
    permit = health.acquire(health.until)
    assert isinstance(permit, Permit)
    world = World(1, Plan(handshake=0.0))
    one = Trial(world, "en", permit, health, Precedents())
    (await one.connect()).abort()
    assert health.state is State.HALF_OPEN
    one.abandoned()
    assert health.allow(health.since)


@pytest.mark.parametrize(("answered", "kind"), [(False, Kind.REFUSED), (True, Kind.TRANSIENT)])
async def test_a_close_that_blames_the_request_passes_if_there_were_results(
    answered: bool, kind: Kind
) -> None:
    one = trial(Breaker("x"))
    (await one.connect()).abort()
    if answered:
        one.answered()
    assert one.over(REFUSED).kind is kind


class HearsNobody(World):
    """Has no language that anybody speaks here; another one has."""

    def hears(self, language: str) -> bool:
        return False


async def test_a_language_it_has_not_says_nothing_of_a_service_that_is_down() -> None:
    health = Breaker("x")
    for _ in range(3):
        health.failed(LOST, 0.0)
    permit = health.acquire(health.until)
    assert isinstance(permit, Permit)
    streams = Streams(HearsNobody(1, Plan(handshake=0.0)), [World(1, Plan())])
    with pytest.raises(ProviderError, match="finished pieces") as caught:
        await Trial(streams, "ar", permit, health, Precedents()).connect()
    assert caught.value.kind is Kind.REFUSED, "the leg asks for no stream of it again"
    assert health.state is State.HALF_OPEN
    assert health.allow(health.since), "the next to ask is the probe"


async def test_a_language_it_has_not_ends_no_row_of_failures() -> None:
    health = Breaker("x")
    for _ in range(3):
        with pytest.raises(ProviderError):
            await on(health, Streams(HearsNobody(1, Plan()), [World(1, Plan())])).connect()
        on(health, World(1, Plan())).over(LOST)
    assert health.state is State.OPEN


def on(breaker: Breaker, live: LiveTranscriber) -> Trial:
    permit = breaker.acquire(time.monotonic())
    assert isinstance(permit, Permit)
    return Trial(live, "en", permit, breaker, Precedents())
