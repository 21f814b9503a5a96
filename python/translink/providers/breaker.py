"""Whom to ask, and when to ask again. Sans-IO: time comes in as an argument; nothing here sleeps.

Two nouns:

* `Breaker`: the health of one provider and endpoint, **shared by all calls**. It spares a provider
  that is down the handshakes of fifty legs, and spares the legs the wait.
* `Chain`: providers in order of preference, a breaker each. It names the first one that may be
  asked; so it goes back to the first by itself as soon as that one's breaker lets a probe through.

What a failure means is read from `ProviderError.kind` and decided nowhere else:

| kind | breaker |
|---|---|
| TRANSIENT | opens after `failures` in a row within `window`; doubles from `base` to `cap` |
| BUSY | holds everybody for `retry_after` (a long one: till a probe), else for a back-off |
| DENIED | opens at once, for `denied_base` and more |
| REFUSED | never opens: the request was wrong and the provider is well |
| SHORTAGE | never opens: this machine is at fault |

    permit = breaker.acquire(now)
    if isinstance(permit, Wait):
        ...                                   # not before permit.at; the next in line meanwhile
    # one attempt, then exactly one of
    breaker.succeeded(now, permit)            # it worked; a handshake is only `accepted`
    breaker.failed(error, now, permit)        # or `broke`, where the handshake had been accepted
    breaker.abandoned(permit)                 # cancelled: nothing was learned
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.providers.backoff import jittered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class State(enum.Enum):
    """What a breaker answers when a permit is asked for."""

    CLOSED = "closed"
    """Lets everybody through."""
    HELD = "held"
    """The provider is well but asked for less: nobody until `until`, then everybody."""
    OPEN = "open"
    """The provider is down: nobody until `until`, then one probe."""
    HALF_OPEN = "half-open"
    """One probe is out; nobody else until its outcome is known."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one attempt. Hand it back with the outcome."""

    name: str
    """The provider and endpoint it is for."""
    probe: int = 0
    """Number of the probe that this attempt is; 0 = an ordinary attempt."""
    at: float = field(default=0.0, compare=False)
    """When it was given."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The answer "not now", and until when."""

    at: float
    """Earliest time at which asking again makes sense; several who wait add their own jitter."""
    careful: bool = False
    """Nothing is known to be wrong yet: others are finding out right now."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A breaker changed its state: for the log, the event stream and the alert."""

    name: str
    before: State
    after: State
    at: float
    until: float
    """When the next attempt is let through; meaningful in HELD and OPEN."""
    reason: str
    """`str()` of the error that caused it, or what else did. Safe to log."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Numbers of a breaker; seconds where nothing else is said."""

    failures: int = 3
    """Transient failures in a row that open it."""
    window: float = 30.0
    """A row is broken when more than this lies between its first failure and the newest."""
    base: float = 0.5
    cap: float = 10.0
    denied_base: float = 30.0
    denied_cap: float = 300.0
    busy_base: float = 0.5
    busy_cap: float = 10.0
    retry_after_cap: float = 300.0
    """However long a provider asks us to stay away, one request looks again after this."""
    probe_timeout: float = 30.0
    """A probe whose outcome was never reported (a bug) blocks the provider no longer than this."""
    careful: int = 4
    """Attempts at once after a stream was lost, or when a probe has answered, until the first of
    them tells how it went. Fifty legs that lose their streams in one moment would all have dialled
    before the third failure is back."""
    careful_for: float = 5.0
    """For no longer than this, whatever the attempts tell."""
    careful_pause: float = 0.05
    settling: float = 0.1
    """How long a first stream that was accepted must last until everybody dials: servers that
    accept and break off at once have shown it by then."""

    def within(self, memory: float, *, denied: bool) -> BreakerPolicy:
        """The same with no wait longer than a third of `memory`, the seconds after which what waits
        for an answer is given up: somebody must have asked again by then. `denied`: also where the
        key was refused."""
        third = memory / 3
        policy = replace(
            self,
            base=min(self.base, third),
            cap=min(self.cap, third),
            busy_base=min(self.busy_base, third),
            busy_cap=min(self.busy_cap, third),
            retry_after_cap=min(self.retry_after_cap, third),
        )
        if not denied:
            return policy
        return replace(
            policy,
            denied_base=min(self.denied_base, third),
            denied_cap=min(self.denied_cap, third),
        )


LONG_HOLD = 3.0
"""Seconds. A provider that has answered "busy" for longer, or will not be asked for longer, is down
for those who wait."""


class Breaker:
    """Health of one provider and endpoint.

    `notify` is called with each `Transition`, at once and from the caller that caused it; it must not raise
    and not wait. Memory is constant; there is no queue.
    """

    def __init__(
        self,
        name: str,
        *,
        policy: BreakerPolicy | None = None,
        rng: Random | None = None,
        notify: Callable[[Transition], None] | None = None,
    ) -> None:
        self.name = name
        self.state = State.CLOSED
        self.since = 0.0
        """When the state was entered; 0 = at the beginning."""
        self.until = 0.0
        """HELD and OPEN: no attempt before this."""
        self.reason = ""
        """Why it is in this state."""
        self.kind: Kind | None = None
        """Class of the error that it is HELD, OPEN or HALF_OPEN for; None while CLOSED."""
        self.status: int | None = None
        """That error's HTTP status or close code, if it had one."""
        self.trouble_since = 0.0
        """When it left CLOSED; a probe that fails does not begin it anew."""
        self.attempts = 0
        """Permits given."""
        self.opened = 0
        """Times it opened."""
        self._policy = policy or BreakerPolicy()
        self._rng = rng or Random()
        self._notify = notify
        self._failures = 0
        self._first_failure = 0.0
        self._level = 0
        self._denied_level = 0
        self._busy_level = 0
        self._busy_since: float | None = None
        self._cut_short = False
        """HELD for less time than the provider asked for: then one probe and not everybody."""
        self._probe = 0
        self._probe_until = 0.0
        self._careful_until = 0.0
        self._careful_under_way = 0
        self._broke_at = -math.inf
        """When a stream that was not proved last broke and counted."""

    def allow(self, now: float) -> bool:
        """Whether `acquire` would give a permit now. Changes nothing."""
        match self.state:
            case State.CLOSED:
                careful = now < self._careful_until
                return not careful or self._careful_under_way < self._policy.careful
            case State.HALF_OPEN:
                return now >= self._probe_until
            case _:
                return now >= self.until

    def acquire(self, now: float) -> Permit | Wait:
        """Leave to make one attempt now, or when to ask again."""
        if not self.allow(now):
            nothing_wrong = self.state is State.CLOSED and not self._failures
            return Wait(self.earliest(now), careful=nothing_wrong)
        self.attempts += 1
        if self.state is State.HELD and not self._cut_short:
            self._enter(State.CLOSED, now, "the time it asked for is over")
        if self.state is State.CLOSED:
            if now < self._careful_until:
                self._careful_under_way += 1
            return Permit(self.name, at=now)
        self._probe += 1
        self._probe_until = now + self._policy.probe_timeout
        if self.state is not State.HALF_OPEN:
            self._enter(State.HALF_OPEN, now, self.reason)
        return Permit(self.name, self._probe, at=now)

    def earliest(self, now: float) -> float:
        """When an attempt may be let through; `now` if one may be made at once."""
        if self.allow(now):
            return now
        if self.state is State.CLOSED:
            return now + self._policy.careful_pause
        if self.state is State.HALF_OPEN:
            # The probe's outcome may come any moment: look again soon rather than after its
            # time-out.
            return min(self._probe_until, now + self._policy.base)
        return self.until

    def up(self, now: float) -> bool:
        """Whether a request that came now had a chance. Changes nothing.

        Once an open breaker's time is over the next request is let through, so it counts as up:
        without a call there is no request, and what is not ready gets no call.
        """
        if self.state is State.HELD and now < self.until:
            began = now if self._busy_since is None else self._busy_since
            return max(now - began, self.until - now) <= LONG_HOLD
        return self.state is State.CLOSED or self.allow(now)

    def accepted(self, now: float) -> None:
        """A handshake was taken. That is no success: a server that is starting, or whose back end
        is away, takes connections and closes them. But if nothing has gone wrong since the last
        success, the others may dial, too, a moment later. Hand the permit back when more is known.
        """
        if self.state is State.CLOSED and not self._failures and not self._level:
            self._careful_until = min(self._careful_until, now + self._policy.settling)

    def answered(self, now: float, permit: Permit) -> None:
        """A stream's first result. It may yet break, as those of a server that comes and goes do:
        a probe's lets a few others dial, and `succeeded` all of them."""
        if self.state is State.HALF_OPEN and permit.probe == self._probe:
            self._careful_until = now + self._policy.careful_for
            self._careful_under_way = 1
            self._enter(State.CLOSED, now, "it answers again")

    def succeeded(self, now: float, permit: Permit | None = None) -> None:
        """An attempt brought a result, or an open stream shows that all is well. Closes the
        breaker, unless it is HELD: only its time ends that."""
        self._failures = self._level = 0
        self._careful_until = 0.0
        if self.state is State.HELD:
            # Nobody was let through since: this one was sent before the provider asked for less. It
            # is not down for those who wait, but all that it asked for is as true as before.
            self._busy_since = now
            if permit is not None:  # it serves some of those who ask: a longer hold is of no use
                self._busy_level = 0
            return
        self._denied_level = self._busy_level = 0
        self._busy_since = None
        if self.state is not State.CLOSED:
            self._enter(State.CLOSED, now, "it works again")

    def lost(self, now: float) -> None:
        """A stream that was well broke. That alone says nothing about the provider; so a few find
        out, before everybody dials."""
        if self.state is State.CLOSED:
            if now >= self._careful_until:
                self._careful_under_way = 0
            self._careful_until = now + self._policy.careful_for

    def failed(self, error: ProviderError, now: float, permit: Permit | None = None) -> None:
        """An attempt failed.

        While OPEN or HALF_OPEN only the probe's outcome counts: the failures of attempts that were
        under way when it opened say nothing new and do not lengthen the back-off. Leave `permit`
        out for what is no attempt's outcome, such as the end of a stream that was open.
        """
        if permit is not None:
            self._careful_under_way = max(0, self._careful_under_way - 1)
        if self.state is State.HALF_OPEN and (permit is None or permit.probe != self._probe):
            return
        match error.kind:
            case Kind.DENIED:
                # Also when OPEN: a shorter, transient opening must not hide that the key is
                # refused.
                if self.state is not State.OPEN or not self._denied_level:
                    self._open_denied(error, now)
            case Kind.BUSY:
                if self.state is not State.OPEN:
                    self._hold(error, now)
            case Kind.REFUSED:
                self._answered(now)
            case Kind.SHORTAGE:
                if self.state is State.HALF_OPEN:
                    self._probe_until = 0.0  # the probe never left: the next to ask is one
            case Kind.TRANSIENT:
                self._transient(error, now)

    def broke(self, error: ProviderError, now: float, permit: Permit) -> None:
        """A stream that was accepted broke before it was proved.

        One event breaks many streams, those that were dialled after the event before it included. So
        all that were dialled before the last break that counted tell of the same trouble; and since
        that may be over, a few find out before everybody dials. Not so while the provider comes back
        from being down: then each one counts.
        """
        if self.state is State.CLOSED and error.kind is Kind.TRANSIENT and not self._level:
            if permit.at < self._broke_at:
                self._careful_under_way = max(0, self._careful_under_way - 1)
                return
            self._broke_at = now
        self.failed(error, now, permit)
        self.lost(now)

    def abandoned(self, permit: Permit) -> None:
        """The attempt was given up without an outcome. If it was the probe, the next to ask is."""
        self._careful_under_way = max(0, self._careful_under_way - 1)
        if self.state is State.HALF_OPEN and permit.probe == self._probe:
            self._probe_until = 0.0

    def _transient(self, error: ProviderError, now: float) -> None:
        if self.state is State.OPEN:
            return
        if self.state is State.HALF_OPEN:
            self._open_transient(error, now)
            return
        if self._failures == 0 or now - self._first_failure > self._policy.window:
            self._failures = 0
            self._first_failure = now
        self._failures += 1
        if self._failures >= self._policy.failures:
            self._open_transient(error, now)

    def _open_transient(self, error: ProviderError, now: float) -> None:
        wait = self._pause(self._policy.base, self._policy.cap, self._level)
        self._level += 1
        self._open(error, now, now + wait)

    def _open_denied(self, error: ProviderError, now: float) -> None:
        policy = self._policy
        wait = self._pause(policy.denied_base, policy.denied_cap, self._denied_level)
        self._denied_level += 1
        self._open(error, now, now + wait)

    def _open(self, error: ProviderError, now: float, until: float) -> None:
        self._failures = 0
        self.opened += 1
        self.until = until
        self._enter(State.OPEN, now, str(error), error)

    def _hold(self, error: ProviderError, now: float) -> None:
        policy = self._policy
        if error.retry_after is not None:
            wait = min(max(error.retry_after, 0.0), policy.retry_after_cap)
        else:
            # While HELD: the answer to one who was let in with those that it is held for.
            level = max(0, self._busy_level - int(self.state is State.HELD))
            wait = self._pause(policy.busy_base, policy.busy_cap, level)
        until = now + wait
        self._cut_short = (error.retry_after or 0.0) > wait
        if self._busy_since is None:
            self._busy_since = now
        if self.state is State.HELD:
            # Others who were under way get the same answer: one hold, as long as the longest of them.
            self.until = max(self.until, until)
            return
        self._busy_level += 1
        self.until = until
        self._enter(State.HELD, now, str(error), error)

    def _pause(self, base: float, cap: float, level: int) -> float:
        return jittered(self._rng, level, base=base, cap=cap, least=0.1)

    def _answered(self, now: float) -> None:
        """It answered, if only to refuse: that ends a row, and a probe proves it well."""
        self._failures = 0
        if self.state is State.HALF_OPEN:
            self.succeeded(now)

    def _enter(
        self, state: State, now: float, reason: str, error: ProviderError | None = None
    ) -> None:
        before, self.state = self.state, state
        if before is State.CLOSED:
            self.trouble_since = now
        if error is not None:
            self.kind, self.status = error.kind, error.status
        elif state is State.CLOSED:
            self.kind = self.status = None
        self.since = now
        self.reason = reason
        if state in (State.CLOSED, State.HALF_OPEN):
            self.until = now
        if self._notify is not None:
            self._notify(Transition(self.name, before, state, now, self.until, reason))


class Chain:
    """Providers in order of preference, a shared breaker each."""

    def __init__(self, breakers: Iterable[Breaker]) -> None:
        self._breakers = {breaker.name: breaker for breaker in breakers}
        if not self._breakers:
            raise ValueError("a chain needs at least one provider")

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the preferred first."""
        return tuple(self._breakers)

    def choose(self, now: float, tried: Collection[str] = ()) -> Permit | None:
        """Leave to ask the first provider that may be asked and is not in `tried`, or None."""
        for name, breaker in self._breakers.items():
            if name not in tried and breaker.allow(now):
                permit = breaker.acquire(now)
                if isinstance(permit, Permit):
                    return permit
        return None

    def calm(self, name: str, now: float, seconds: float) -> bool:
        """Whether this one is well, and has been for so many seconds."""
        breaker = self._breakers[name]
        return (
            breaker.state is State.CLOSED
            and breaker.allow(now)
            and (not breaker.since or now - breaker.since >= seconds)
        )

    def earliest(self, now: float, tried: Collection[str] = ()) -> float | None:
        """When `choose` may give a permit; None if all were tried."""
        times = [b.earliest(now) for name, b in self._breakers.items() if name not in tried]
        return min(times, default=None)

    def succeeded(self, permit: Permit, now: float) -> None:
        """See `Breaker.succeeded`."""
        self._breakers[permit.name].succeeded(now, permit)

    def failed(self, permit: Permit, error: ProviderError, now: float) -> None:
        """See `Breaker.failed`."""
        self._breakers[permit.name].failed(error, now, permit)

    def abandoned(self, permit: Permit) -> None:
        """See `Breaker.abandoned`."""
        self._breakers[permit.name].abandoned(permit)
