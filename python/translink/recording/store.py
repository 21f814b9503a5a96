"""The folder of recordings: who may read it, how much fits into it, when what is old is deleted.

Each recording is a folder in it, `20261128T204512Z-CALL`. Everything here may wait for the disk: it is for
the thread that writes, and for the start.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from translink.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from translink.settings.recording import RecordingSettings

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
OTHERS = 0o077
STILL_AFTER = 60.0
"""Seconds after which nobody writes to a recording any more."""
RECORDING_NAME = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9_.-]{1,140}")


def recording_name(began: float, call: str) -> str:
    """Of a recording's folder; `began` = Unix seconds."""
    when = datetime.fromtimestamp(began, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{when}-{re.sub(r'[^A-Za-z0-9_.-]', '_', call)[:130]}"


class Store:
    """One per process; another process may use the same folder."""

    def __init__(self, settings: RecordingSettings) -> None:
        """Makes the folder. Raises `SettingsError`."""
        assert settings.folder is not None
        try:
            self.folder = settings.folder.expanduser().absolute()
        except RuntimeError:
            raise SettingsError(
                f"record.folder: {settings.folder} cannot be made: there is no user of that name"
            ) from None
        self._settings = settings
        try:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            self.exposed = bool(self.folder.stat().st_mode & OTHERS)
        except OSError as error:
            raise SettingsError(
                f"record.folder: {self.folder} cannot be made: {error.strerror or error}"
            ) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise SettingsError(f"record.folder: {self.folder} cannot be written to")
        self.used = 0
        """Bytes of all recordings; as of the newest `measure` or `sweep`, and what was written since."""
        self._written = 0
        """Bytes, by this process."""
        self._still: dict[str, int] = {}
        """Bytes of those that nobody writes to, by name, since the newest `sweep`."""
        self.stuck: list[str] = []
        """What the newest `sweep` could not delete, or not whole."""

    def make(self, name: str) -> tuple[Path, str]:
        """A new recording's folder, and its name, which may have got a number. Raises `OSError`."""
        for number in range(1, 100):
            chosen = name if number == 1 else f"{name}.{number}"
            try:
                (self.folder / chosen).mkdir(mode=PRIVATE_FOLDER)
            except FileExistsError:
                continue
            return self.folder / chosen, chosen
        raise FileExistsError(f"{self.folder / name} is there already")

    def create(self, path: Path) -> int:
        """A file that nobody else can read. The descriptor. Raises `OSError`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, PRIVATE_FILE)

    def wrote(self, size: int) -> None:
        """So many bytes more."""
        self.used += size
        self._written += size

    def full(self) -> str:
        """Why nothing more may be written; empty: something may."""
        if self.used >= self._settings.disk_limit:
            limit = self._settings.disk_limit / 1e9
            return f"recordings take the {limit:g} GB of record.disk_limit"
        try:
            disk = os.statvfs(self.folder)
        except OSError as error:
            return f"{self.folder}: {error.strerror or error}"
        if disk.f_bavail * disk.f_frsize < self._settings.keep_free:
            return (
                f"less than the {self._settings.keep_free / 1e9:g} GB of record.keep_free are free"
            )
        return ""

    def sweep(self, now: float, running: Collection[str]) -> Iterator[str]:
        """Delete what is too old (`now` = Unix seconds), count what is left. One step for each recording, as
        each waits for the disk and there may be many: the name of what was deleted, or an empty one.
        What was counted holds after the last step."""
        used, written = 0, self._written
        still: dict[str, int] = {}
        stuck: list[str] = []
        for path in self._recordings():
            size, newest = _measure(path)
            if path.name not in running and now - newest > self._settings.retention:
                shutil.rmtree(path, ignore_errors=True)
                if not path.exists():
                    yield path.name
                    continue
                stuck.append(path.name)
                size, _ = _measure(path)
            elif now - newest > STILL_AFTER:
                still[path.name] = size
            used += size
            yield ""
        self._count(used, written)
        self._still, self.stuck = still, stuck

    def measure(self, now: float) -> Iterator[str]:
        """Count again (`now` = Unix seconds): another process writes, too. In steps, as `sweep`."""
        used, written = 0, self._written
        for path in self._recordings():
            size = self._still.get(path.name, -1)
            if size < 0:
                size, newest = _measure(path)
                if now - newest > STILL_AFTER:
                    self._still[path.name] = size
            used += size
            yield ""
        self._count(used, written)

    def _count(self, used: int, written: int) -> None:
        """So much was found, by a walk that began when `written` bytes were. Some of what was written since
        may count twice, until the next one."""
        self.used = used + self._written - written

    def _recordings(self) -> Iterator[Path]:
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:  # not at once: each may wait for the disk
                if _is_recording(entry):
                    yield Path(entry.path)


def _is_recording(entry: os.DirEntry[str]) -> bool:
    """Whatever else lies here is not ours to delete."""
    try:
        return bool(RECORDING_NAME.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
    except OSError:  # it cannot be looked at
        return False


def _measure(path: Path) -> tuple[int, float]:
    """Bytes, and when something was last written."""
    size, newest = 0, 0.0
    try:
        newest = path.stat().st_mtime
        with os.scandir(path) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                size += found.st_size
                newest = max(newest, found.st_mtime)
    except OSError:
        pass
    return size, newest
