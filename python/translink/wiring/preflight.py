"""What is looked at before anything is started: what operators should know, and what would only fail later."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog

from translink.process.descriptors import descriptor_shortage, refuse_few_descriptors
from translink.process.proxies import proxy_warning, unused_proxies
from translink.wiring.coverage import Coverage, refuse_voiceless

if TYPE_CHECKING:
    from translink.settings.model import Settings

log = structlog.get_logger("translink")


def look_ahead(settings: Settings) -> None:
    """Say what is exposed, unused or short, and which vendor does what in which language. Raises `SettingsError`
    where no call could be carried: too few descriptors, a language without a voice."""
    for file in settings.notes.exposed:
        log.warning("a file with a key can be read by everybody on this machine", file=str(file))
    if names := unused_proxies(os.environ):
        log.warning(proxy_warning(names))
    refuse_few_descriptors()
    if shortage := descriptor_shortage(len(settings.legs) + 2 * settings.calls.max_created):
        log.warning("%s: calls beyond will not begin; raise ulimit -Hn or LimitNOFILE=", shortage)
    refuse_voiceless(settings)
    for row in Coverage(settings).of_legs():
        log.info(
            "language",
            language=row.language,
            recognised_by=", ".join(row.recognised) or "nobody",
            translated_by=", ".join(row.translated) or "nobody",
            spoken_by=", ".join(row.spoken) or "nobody",
        )
