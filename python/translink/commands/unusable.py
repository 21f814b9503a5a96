"""What the settings name and `serve` needs: files, the folder of recordings, addresses. It is looked at before the
translink that serves here is asked to give way: a successor that cannot start after that leaves nobody."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from translink.admin.access.self_signed import self_signed
from translink.commands.addresses import addresses_of
from translink.errors import SettingsError

if TYPE_CHECKING:
    from translink.settings.model import Settings


def refuse_unusable(settings: Settings, *, addresses: bool = True) -> None:
    """Makes the folder of recordings and the certificate of our own, where they are wanted. An address that is only
    taken may be our predecessor's; without one `refuse_taken_ports` has looked at all `addresses`. Raises
    `SettingsError`."""
    refuse_bad_files(settings)
    if settings.record.folder is not None:
        from translink.recording.store import Store  # loaded only where it is wanted

        Store(settings.record)
    if settings.admin.tls_self_signed:
        self_signed(settings.admin.host, settings.admin.allowed_hosts)
    for each in addresses_of(settings) if addresses else ():
        problem = each.problem()
        if problem is not None and problem.errno != errno.EADDRINUSE:
            raise each.refused(problem) from problem


def refuse_bad_files(settings: Settings) -> None:
    """Changes nothing. Raises `SettingsError` for a sound that cannot be played, or a key that is none."""
    for language, path in settings.notice.file.items():
        _refuse_sound(f"notice.file.{language}", path)
    if settings.menu.languages and settings.menu.file is not None:
        _refuse_sound("menu.file", settings.menu.file)
    if settings.record.folder is not None and settings.record.key_file is not None:
        from translink.recording.cipher import read_key

        try:
            read_key(settings.record.key_file)
        except SettingsError as error:
            raise SettingsError(f"record.key_file: {error}") from None


def _refuse_sound(setting: str, path: Path) -> None:
    from translink.calls.notice import wav_of

    try:
        wav_of(path)
    except SettingsError as error:
        raise SettingsError(f"{setting}: {error}") from None
