"""One request's way down a chain; the gate. Real time, in tens of milliseconds."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.providers.attempts import AllFailed, Attempts, first_success
from translink.providers.breaker import Breaker, BreakerPolicy, Chain, Permit, State, Wait


def error(name: str, kind: Kind, retry_after: float | None = None) -> ProviderError:
    return ProviderError(kind.value, provider=name, kind=kind, retry_after=retry_after)


@dataclass
class Fake:
    """Answers its name, after doing or raising what the script says."""

    name: str
    script: list[Kind | float | Exception] = field(default_factory=list)
    """A kind to fail with, seconds to hang, an exception to raise; used up = well."""
    asked: int = 0
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self) -> str:
        self.asked += 1
        self.began.set()
        step = self.script.pop(0) if self.script else 0.0
        match step:
            case Kind():
                raise error(self.name, step)
            case Exception():
                raise step
            case _:
                await asyncio.sleep(step)
        return self.name


class FakeChain:
    """Fakes and their chain."""

    def __init__(self, *fakes: Fake) -> None:
        self.fakes = fakes
        self.breakers = {fake.name: Breaker(fake.name, rng=Random(1)) for fake in fakes}
        self.chain = Chain(self.breakers.values())
        self.failures: list[ProviderError] = []

    async def run(
        self,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - of each attempt
        budget: float = 5.0,
        attempts: int = 2,
    ) -> str:
        return await first_success(
            self.chain,
            self.fakes,
            Fake.ask,
            timeout=timeout,
            budget=budget,
            attempts=attempts,
            rng=Random(1),
            failed=self.failures.append,
        )


async def test_the_first_in_line_answers() -> None:
    first, second = Fake("first"), Fake("second")
    assert await FakeChain(first, second).run() == "first"
    assert (first.asked, second.asked) == (1, 0)


async def test_a_reset_is_tried_again_with_the_same_provider() -> None:
    first, second = Fake("first", [Kind.TRANSIENT]), Fake("second")
    line = FakeChain(first, second)
    began = time.monotonic()
    assert await line.run() == "first"
    assert time.monotonic() - began >= 0.05
    assert (first.asked, second.asked) == (2, 0)
    assert [str(failure) for failure in line.failures] == ["transient"]


async def test_after_the_last_attempt_comes_the_next_in_line() -> None:
    first, second = Fake("first", [Kind.TRANSIENT] * 5), Fake("second")
    assert await FakeChain(first, second).run(attempts=2) == "second"
    assert (first.asked, second.asked) == (2, 1)


@pytest.mark.parametrize("kind", [Kind.DENIED, Kind.REFUSED, Kind.BUSY])
async def test_what_does_not_pass_quickly_goes_to_the_next_at_once(kind: Kind) -> None:
    first, second = Fake("first", [kind] * 5), Fake("second")
    began = time.monotonic()
    assert await FakeChain(first, second).run(attempts=3) == "second"
    assert time.monotonic() - began < 0.05
    assert first.asked == 1


async def test_a_provider_that_hangs_is_left_for_the_next_and_not_waited_for_again() -> None:
    first, second = Fake("first", [60.0] * 5), Fake("second")
    line = FakeChain(first, second)
    assert await line.run(timeout=0.05) == "second"
    assert first.asked == 1
    assert line.failures[0].kind is Kind.TRANSIENT
    assert str(line.failures[0]) == "no answer within 0.1 s"


async def test_a_providers_own_time_out_goes_to_the_next_at_once_as_well() -> None:
    """Its client may be less patient than the stage, whose time is that of its most patient vendor."""
    silent = ProviderError("timed out", provider="first", kind=Kind.TRANSIENT, timed_out=True)
    first, second = Fake("first", [silent] * 5), Fake("second")
    assert await FakeChain(first, second).run() == "second"
    assert first.asked == 1


async def test_the_only_one_in_line_is_waited_for_again() -> None:
    only = Fake("only", [60.0])
    assert await FakeChain(only).run(timeout=0.05) == "only"


async def test_a_busy_provider_alone_in_line_is_waited_for_within_the_budget() -> None:
    only = Fake("only", [error("only", Kind.BUSY, retry_after=0.1)])
    began = time.monotonic()
    assert await FakeChain(only).run() == "only"
    assert time.monotonic() - began >= 0.1


async def test_when_all_fail_every_cause_is_named() -> None:
    line = FakeChain(Fake("first", [Kind.DENIED]), Fake("second", [Kind.REFUSED]))
    with pytest.raises(AllFailed) as caught:
        await line.run()
    assert [(c.provider, c.kind) for c in caught.value.causes] == [
        ("first", Kind.DENIED),
        ("second", Kind.REFUSED),
    ]
    assert str(caught.value) == "first: denied; second: refused"


@pytest.mark.parametrize("blip", [Kind.BUSY, Kind.TRANSIENT])
def test_a_blip_of_the_only_one_in_line_is_waited_out_while_there_is_time(blip: Kind) -> None:
    """429 twice, or 503 for 2.5 s: the budget is there to be spent."""

    async def requests(seed: int) -> list[str | BaseException]:
        policy = BreakerPolicy().within(6.0, denied=False)
        chain = Chain([Breaker("only", policy=policy, rng=Random(seed))])
        began = time.monotonic()

        async def ask(fake: Fake) -> str:
            await asyncio.sleep(0.05)
            if time.monotonic() - began < 2.5:
                raise error("only", blip)
            return "well"

        async def request(number: int) -> str:
            await asyncio.sleep(0.4 * number)
            rng = Random(100 * seed + number)
            clock = time.monotonic  # the virtual one: the default is the real one
            return await first_success(
                chain, [Fake("only")], ask, timeout=3.0, budget=6.0, rng=rng, clock=clock
            )

        return await asyncio.gather(*map(request, range(6)), return_exceptions=True)

    for seed in range(20):
        assert run_virtually(requests(seed)) == ["well"] * 6


def test_a_second_round_asks_everybody_again_and_nobody_who_refused() -> None:
    first, second = Breaker("first", rng=Random(1)), Breaker("second", rng=Random(1))
    way = Attempts(Chain([first, second]), deadline=10.0, attempts=1, rng=Random(1))
    asked = []
    now = 0.0
    for kind in (Kind.TRANSIENT, Kind.REFUSED, Kind.TRANSIENT):
        while isinstance(chosen := way.choose(now), Wait):
            now = chosen.at
        assert isinstance(chosen, Permit)
        asked.append(chosen.name)
        way.failed(chosen, error(chosen.name, kind), now)
    assert asked == ["first", "second", "first"]


async def test_nobody_is_asked_when_all_breakers_are_open_for_long() -> None:
    fake = Fake("only")
    line = FakeChain(fake)
    line.breakers["only"].failed(error("only", Kind.DENIED), time.monotonic())
    with pytest.raises(AllFailed, match="nobody in line may be asked") as caught:
        await line.run(budget=0.5)
    assert caught.value.causes == ()
    assert fake.asked == 0


async def test_our_own_deadline_is_not_held_against_the_provider() -> None:
    line = FakeChain(Fake("only", [60.0]))
    with pytest.raises(AllFailed, match="only: no answer"):
        await line.run(timeout=5, budget=0.05)
    assert line.breakers["only"].state is State.CLOSED
    assert line.failures == []


async def test_a_breaker_opened_by_others_moves_the_request_on() -> None:
    first, second = Fake("first", [Kind.TRANSIENT] * 9), Fake("second")
    line = FakeChain(first, second)
    answers = await asyncio.gather(*(line.run(attempts=9) for _ in range(10)))
    assert answers == ["second"] * 10
    assert line.breakers["first"].state is State.OPEN


async def test_fifty_requests_send_one_probe() -> None:
    first, second = Fake("first"), Fake("second")
    line = FakeChain(first, second)
    for _ in range(3):
        line.breakers["first"].failed(error("first", Kind.TRANSIENT), time.monotonic())
    await asyncio.sleep(max(0.0, line.breakers["first"].until - time.monotonic()))
    first.script = [0.05]
    answers = await asyncio.gather(*(line.run() for _ in range(50)))
    assert answers.count("first") == 1
    assert await line.run() == "first"


async def test_a_bug_passes_through_and_frees_the_probe() -> None:
    only = Fake("only", [KeyError("bug")])
    line = FakeChain(only)
    for _ in range(3):
        line.breakers["only"].failed(error("only", Kind.TRANSIENT), time.monotonic())
    with pytest.raises(KeyError):
        await line.run()
    assert line.breakers["only"].allow(time.monotonic())


async def test_a_cancelled_request_frees_the_probe() -> None:
    only = Fake("only", [60.0])
    line = FakeChain(only)
    for _ in range(3):
        line.breakers["only"].failed(error("only", Kind.TRANSIENT), time.monotonic())
    task = asyncio.create_task(line.run(timeout=60, budget=60))
    await only.began.wait()
    assert line.breakers["only"].state is State.HALF_OPEN
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.breakers["only"].allow(time.monotonic())


def test_a_pause_that_outlasts_the_deadline_is_not_waited_for() -> None:
    way = Attempts(Chain([Breaker("only")]), deadline=10.0, rng=Random(1))
    permit = way.choose(9.9)
    assert isinstance(permit, Permit)
    way.failed(permit, error("only", Kind.TRANSIENT), 9.97)
    assert way.choose(9.97) is None


def test_the_pause_before_trying_again_is_short_and_doubles() -> None:
    way = Attempts(Chain([Breaker("only")]), deadline=10.0, attempts=3, rng=Random(1))
    for low, high in ((0.05, 0.1), (0.1, 0.2)):
        permit = way.choose(1.0)
        assert isinstance(permit, Permit)
        way.failed(permit, error("only", Kind.TRANSIENT), 1.0)
        wait = way.choose(1.0)
        assert isinstance(wait, Wait)
        assert low <= wait.at - 1.0 <= high
        way._pause = 0.0
