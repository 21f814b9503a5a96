"""What is to be said to a party whose language is not known waits, for a while. Virtual time."""

from __future__ import annotations

import asyncio
import time

from tests.support.virtual import run_virtually
from translink.calls.awaited import AwaitedLanguage


def test_it_waits_until_the_language_is_known() -> None:
    async def main() -> None:
        awaited = AwaitedLanguage(6.0, lambda: given_up.append(1))
        given_up: list[int] = []
        asyncio.get_running_loop().call_later(2.0, awaited.known)
        began = time.monotonic()
        await awaited.wait()
        assert 1.9 < time.monotonic() - began < 2.1
        await awaited.wait()
        assert time.monotonic() - began < 2.1
        assert not given_up

    run_virtually(main())


def test_it_is_bounded_from_the_first_that_waits_and_what_comes_later_goes_at_once() -> None:
    async def main() -> None:
        given_up: list[float] = []
        awaited = AwaitedLanguage(6.0, lambda: given_up.append(time.monotonic()))
        began = time.monotonic()
        first = asyncio.create_task(awaited.wait())
        await asyncio.sleep(4.0)
        await awaited.wait()
        await first
        assert 5.9 < time.monotonic() - began < 6.1
        await awaited.wait()
        assert time.monotonic() - began < 6.1
        assert len(given_up) == 1, "said once"

    run_virtually(main())
