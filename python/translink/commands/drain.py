"""`translink drain`: no new calls on the running server, and wait until those that run have ended.

Exit codes: 0 drained, and the server has ended (or, without waiting, it drains; or another process has its address,
and it drains on); 1 the server says no; 2 wrong arguments or settings; 3 nobody answers there; 4 the token is not
accepted; 5 calls still ran at the limit and were ended.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from translink.commands.control import (
    NOBODY_ANSWERS,
    ControlError,
    Target,
    asked,
    carried_out,
)
from translink.commands.printing import print_json

CUT_AT_LIMIT = 5
POLL_SECONDS = 1.0
POLL_SOON = 0.1
"""Seconds, near the limit and the end."""
LOST_TOUCH = 3
"""Looks in a row that nobody answers before the server is taken to have ended."""
BUSY_BEYOND_LIMIT = 60.0
"""Seconds after the limit for which a server may say that it is too busy to answer: a proxy says so for ever of a
server that has ended."""


def run_drain(
    target: Target,
    *,
    limit: float | None = None,
    wait: bool = True,
    json: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Drain the server, and show which parties still talk until it has ended. Returns the exit code."""

    def work() -> int:
        body = {} if limit is None else {"limit": limit}
        _, state = asked(target, "POST", "/api/drain", body)
        if not wait:
            print_json(state) if json else _show(state)
            return 0
        last, ended = _follow(target, state, sleep, quiet=json)
        cut = last["cut_calls"] > 0 or (ended and bool(last["calls"]) and last["left_s"] <= 0)
        if json:
            print_json({**last, "ended": ended, "cut": cut})
        elif not ended:
            sys.stdout.write(
                f"another process answers at {target.url} now; process {last['pid']} drains on\n"
            )
        else:
            sys.stdout.write("ended: " + ("calls were cut at the limit\n" if cut else "drained\n"))
        return CUT_AT_LIMIT if cut else 0

    return carried_out(work)


def _follow(
    target: Target, state: Mapping[str, Any], sleep: Callable[[float], None], *, quiet: bool
) -> tuple[Mapping[str, Any], bool]:
    """The last that the server reported, and whether it has ended; if not, another one has its address."""
    first, silent, waited, unheard, shown = state["pid"], 0, 0.0, 0.0, ""
    while True:
        if not quiet:
            shown = _show(state, shown)
        near = not state["calls"] or state["left_s"] < 2 * POLL_SECONDS or silent
        pause = POLL_SOON if near else POLL_SECONDS
        began = time.monotonic()
        sleep(pause)
        try:
            _, now = asked(target, "GET", "/api/drain")
        except ControlError as error:
            waited += max(pause, time.monotonic() - began)
            if error.busy and waited < state["left_s"] + BUSY_BEYOND_LIMIT:
                silent = 0  # it is there
                continue
            if error.code != NOBODY_ANSWERS:
                raise
            silent += 1
            if silent == 1:
                unheard = waited
            if silent >= LOST_TOUCH:
                # The limit may have come between its last answer and its end.
                left = max(0.0, round(state["left_s"] - unheard, 1))
                return {**state, "left_s": left}, True
            continue
        if now["pid"] != first:
            return state, False
        # Of several workers those that have ended are no longer counted, and at the end there is none.
        cut = max(state["cut_calls"], now["cut_calls"])
        state = {**(state if now["began"] is None else now), "cut_calls": cut}
        silent, waited = 0, 0.0


def _show(state: Mapping[str, Any], before: str = "") -> str:
    """Print where it is, if that is news."""
    calls = state["calls"]
    talking = sorted(leg for call in calls for leg in call["talking"])
    running = f"{len(calls)} call{'' if len(calls) == 1 else 's'} running"
    parts = [running, f"talking: {', '.join(talking) or 'nobody'}"] if calls else ["no call runs"]
    line = "; ".join(parts)
    if line != before:
        left = f"; ended in {state['left_s']:.0f} s at the latest" if calls else ""
        sys.stdout.write(f"draining: {line}{left}\n")
        sys.stdout.flush()
    return line
