"""DeepL's quota is looked at now and then; one that does not answer is asked again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.providers.deepl import DeepLUsage
from translink.wiring.quotas import watch_quotas

if TYPE_CHECKING:
    from translink.providers.deepl import DeepL


class QuotaAccount:
    name = "deepl"

    def __init__(self) -> None:
        self.asked = 0

    async def usage(self) -> DeepLUsage:
        self.asked += 1
        if self.asked == 2:
            raise ProviderError("down", provider="deepl", kind=Kind.TRANSIENT)
        return DeepLUsage(self.asked, 1_000)


def test_it_is_asked_again_and_again_and_a_failure_ends_nothing() -> None:
    async def scenario() -> list[tuple[str, int, int]]:
        reported: list[tuple[str, int, int]] = []
        accounts = cast("list[DeepL]", [QuotaAccount()])
        watching = asyncio.create_task(
            watch_quotas(accounts, 60.0, lambda *each: reported.append(each))
        )
        await asyncio.sleep(150)
        watching.cancel()
        return reported

    assert run_virtually(scenario()) == [("deepl", 1, 1_000), ("deepl", 3, 1_000)]


def test_never_means_never() -> None:
    async def scenario() -> int:
        account = QuotaAccount()
        await watch_quotas(cast("list[DeepL]", [account]), 0.0, lambda *_: None)
        return account.asked

    assert run_virtually(scenario()) == 0
