"""An event loop whose clock jumps: minutes of virtual time in milliseconds, and the same every
time."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to where the wait would have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:  # something is ready without it, and is most of the time
            return []
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("everything waits for ever: a deadlock in virtual time")
            # A little more than asked for, so that a deadline is really over when its timer fires.
            self.now += max(timeout, 0.0) + 1e-6
        return events


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _JumpingSelector) -> None:
        super().__init__(selector)
        self._clock = selector

    def time(self) -> float:
        return self._clock.now


def stand_still(seconds: float) -> None:
    """For so long nothing is done at all, as when a machine is paused."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _VirtualLoop)
    loop._clock.now += seconds


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` with `time.monotonic` and the loop's clock both virtual."""
    selector = _JumpingSelector()
    with (
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner(loop_factory=lambda: _VirtualLoop(selector)) as runner,
    ):
        runner.get_loop()
        patch.setattr(time, "monotonic", lambda: selector.now)
        patch.setattr(time, "monotonic_ns", lambda: int(selector.now * 1e9))
        return runner.run(main)
