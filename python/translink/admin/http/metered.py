"""What a task costs the loop's thread, without what others do while it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Metered(Generic[T]):
    """`await Metered(work())`: as `await work()`, and `seconds` then says what it took."""

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        spent: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`spent(seconds)` is called after each step of it."""
        self._work = work
        self._spent = spent
        self.seconds = 0.0

    def __await__(self) -> Generator[Any, Any, T]:
        thrown: BaseException | None = None
        while True:
            before = time.thread_time()
            try:
                waits_for = self._work.send(None) if thrown is None else self._work.throw(thrown)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                took = time.thread_time() - before
                self.seconds += took
                self._spent(took)
            thrown = None
            try:
                yield waits_for
            except BaseException as error:
                thrown = error
