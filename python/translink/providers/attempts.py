"""One request's way down a chain of providers: who is asked, how often, and until when.

`breaker` knows the health of providers; this file spends it. A request asks the first provider
that may be asked, tries it again where that may help, goes on to the next where it does not, and
stops at its deadline with every cause:

* reset, 5xx: the same provider again after 50 to 100 ms (then doubled), up to `attempts` times,
  while its breaker allows it; then the next;
* time-out: the next at once. Waiting a second time for one that did not answer comes last;
* busy: the next at once (its breaker holds it); refused or denied: the next at once and never
  again;
* all had their attempts: another round, with pauses that go on doubling, since there is time left;
* nobody may be asked right now: wait for the first breaker that opens up before the deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

from translink.errors import Kind, ProviderError, TranslinkError
from translink.providers.backoff import jittered
from translink.providers.breaker import Permit, Wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from translink.providers.breaker import Chain


class AllFailed(TranslinkError):
    """Nobody in line could do it. `causes` in order of time; none if nobody could even be asked."""

    def __init__(self, causes: Sequence[ProviderError] = ()) -> None:
        self.causes = tuple(causes)
        reasons = "; ".join(f"{cause.provider}: {cause}" for cause in self.causes)
        super().__init__(reasons or "nobody in line may be asked now")


def as_one(failure: AllFailed, what: str, chain: Chain, without: Collection[str]) -> ProviderError:
    """One error for a whole line-up of them: refused, denied or busy only if everybody in line said
    so, `without` those who have not the language (a provider that could not be asked may yet do
    it)."""
    kinds = {cause.kind for cause in failure.causes}
    asked = {cause.provider for cause in failure.causes}
    unanimous = len(kinds) == 1 and asked == set(chain.names) - set(without)
    waits = [cause.retry_after for cause in failure.causes if cause.retry_after is not None]
    return ProviderError(
        str(failure),
        provider=what,
        kind=kinds.pop() if unanimous else Kind.TRANSIENT,
        retry_after=min(waits, default=None),
    )


class Named(Protocol):
    """A provider, as far as this file is concerned."""

    @property
    def name(self) -> str:
        """The same as its breaker's."""


P = TypeVar("P", bound=Named)
R = TypeVar("R")


async def first_success(
    chain: Chain,
    providers: Sequence[P],
    call: Callable[[P], Awaitable[R]],
    *,
    timeout: float,  # noqa: ASYNC109 - of each attempt, not of this function
    budget: float,
    attempts: int = 2,
    without: Collection[str] = (),
    rng: Random | None = None,
    clock: Callable[[], float] = time.monotonic,
    failed: Callable[[ProviderError], None] | None = None,
) -> R:
    """The first answer anybody in line gives to `call`.

    Args:
        chain: the order, and the breakers shared with all other requests; names those of
        `providers`. timeout: seconds one attempt may take. budget: seconds all of it may take.
        attempts: how often one provider is asked while another one is in line. without: who is not
        to be asked. failed: called with every failure, as it happens (for the journal).

    Raises:
        AllFailed: with every cause. Anything but `ProviderError` from `call` (cancellation, a bug)
        passes through.
    """
    named = {provider.name: provider for provider in providers}
    way = Attempts(chain, deadline=clock() + budget, attempts=attempts, without=without, rng=rng)
    while True:
        permit = await way.permit(clock)
        allowance = min(timeout, way.deadline - clock())
        settled = False
        try:
            async with asyncio.timeout(allowance):
                answer = await call(named[permit.name])
            settled = True
            chain.succeeded(permit, clock())
            return answer
        except TimeoutError:
            if allowance < timeout:
                # Our own deadline cut it short: that says nothing about the provider.
                raise AllFailed([*way.causes, _silent(permit.name, allowance)]) from None
            settled = True
            error = _silent(permit.name, timeout)
            way.failed(permit, error, clock())
        except ProviderError as caught:
            settled = True
            error = caught
            way.failed(permit, error, clock())
        finally:
            if not settled:
                chain.abandoned(permit)
        if failed is not None:
            failed(error)


_ATTEMPTS_CHANCE = Random()
"""Of all requests: one that succeeds at once never asks, and to seed one for each is work."""


class Attempts:
    """What one request has tried so far. Sans-IO but for `permit`, which sleeps."""

    def __init__(
        self,
        chain: Chain,
        *,
        deadline: float,
        attempts: int = 2,
        without: Collection[str] = (),
        rng: Random | None = None,
    ) -> None:
        self.causes: list[ProviderError] = []
        self.deadline = deadline
        self._chain = chain
        self._attempts = attempts
        self._rng = rng or _ATTEMPTS_CHANCE
        self._tries: Counter[str] = Counter()
        self._out = set(without)
        """Cannot do it, or refused or denied it: not again."""
        self._spent: set[str] = set()
        """Had their attempts of this round."""
        self._slow: set[str] = set()
        self._pause = 0.0

    def hasten(self, deadline: float) -> None:
        """It is over by `deadline` at the latest."""
        self.deadline = min(self.deadline, deadline)

    def choose(self, now: float) -> Permit | Wait | None:
        """Leave to ask somebody, when to look again, or None: it is over."""
        if now >= self.deadline:
            return None
        if now < self._pause:
            return Wait(self._pause) if self._pause < self.deadline else None
        spent = self._out | self._spent
        if self._spent and spent.issuperset(self._chain.names):
            self._spent, spent = set(), self._out
        permit = self._chain.choose(now, spent | self._slow)
        permit = permit or self._chain.choose(now, spent)
        if permit is not None:
            return permit
        at = self._chain.earliest(now, spent)
        return Wait(at) if at is not None and at < self.deadline else None

    def failed(self, permit: Permit, error: ProviderError, now: float) -> None:
        """An attempt failed."""
        self._chain.failed(permit, error, now)
        self.causes.append(error)
        name = permit.name
        self._tries[name] += 1
        if error.kind in (Kind.REFUSED, Kind.DENIED):
            self._out.add(name)
            return
        if self._tries[name] % self._attempts == 0:
            self._spent.add(name)
        if error.timed_out:
            self._slow.add(name)
        elif error.kind in (Kind.TRANSIENT, Kind.SHORTAGE) and (
            name not in self._spent or self._out.union(self._spent).issuperset(self._chain.names)
        ):
            self._pause = now + jittered(self._rng, self._tries[name] - 1, base=0.1, cap=1.0)

    async def permit(self, clock: Callable[[], float]) -> Permit:
        """The next permit, waited for if need be.

        Raises:
            AllFailed: there is none before the deadline.
        """
        while True:
            now = clock()
            chosen = self.choose(now)
            if isinstance(chosen, Permit):
                return chosen
            if chosen is None:
                raise AllFailed(self.causes) from (self.causes[-1] if self.causes else None)
            # Jitter: many requests may wait for the same breaker.
            await asyncio.sleep(chosen.at - now + self._rng.uniform(0, 0.02))


def _silent(name: str, seconds: float) -> ProviderError:
    message = f"no answer within {seconds:.1f} s"
    return ProviderError(message, provider=name, kind=Kind.TRANSIENT, timed_out=True)
