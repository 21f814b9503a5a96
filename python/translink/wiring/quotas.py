"""Looks at DeepL's quota now and then, in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from translink.errors import ProviderError

if TYPE_CHECKING:
    from translink.providers.deepl import DeepL

log = structlog.get_logger("translink")


async def watch_quotas(
    accounts: Sequence[DeepL], interval: float, report: Callable[[str, int, int], None]
) -> None:
    """Ask each account every `interval` seconds (0 = never) and tell (provider, used, limit). Runs for
    ever; an account that does not answer is asked again next time."""
    while interval and accounts:
        for account in accounts:
            try:
                usage = await account.usage()
            except ProviderError as error:
                log.info("a quota is not known", provider=account.name, reason=str(error))
            else:
                report(account.name, usage.count, usage.limit)
        await asyncio.sleep(interval)
