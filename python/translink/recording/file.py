"""One file of a recording, plain or sealed, as it is written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from translink.recording.cipher import SUFFIX, Sealer
from translink.recording.stereo import HEADER_BYTES, LONGEST_SOUND, UNKNOWN_SIZE, stereo_header

if TYPE_CHECKING:
    from translink.recording.store import Store

TOO_LONG = "a WAV file holds no more than 18 hours"


class RecordedFile:
    """Every method raises `OSError`."""

    def __init__(self, store: Store, path: Path, key: bytes | None) -> None:
        """Creates it."""
        self.path = path if key is None else path.with_name(path.name + SUFFIX)
        self._store = store
        self._sealer = None if key is None else Sealer(key)
        self._descriptor = store.create(self.path)
        self.size = 0
        """Bytes that were written."""

    def write(self, plain: bytes) -> None:
        """More of it."""
        self._put(plain if self._sealer is None else self._sealer.push(plain))

    def patch(self, plain: bytes) -> None:
        """Write over its beginning; only where it is not sealed."""
        assert self._sealer is None
        os.pwrite(self._descriptor, plain, 0)

    def close(self) -> None:
        """Its end. Idempotent; the file is closed in any case."""
        if self._descriptor < 0:
            return
        try:
            if self._sealer is not None:
                self._put(self._sealer.finish())
        finally:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.write(self._descriptor, view)
            view = view[done:]
            self.size += done
            self._store.wrote(done)


class SoundFile:
    """A stereo WAV that is one at every moment. Sealed, its header says "to the end"."""

    def __init__(self, store: Store, path: Path, key: bytes | None) -> None:
        self._patched = key is None
        self._file = RecordedFile(store, path, key)
        self._sound = 0
        try:
            self._file.write(stereo_header(0 if self._patched else UNKNOWN_SIZE))
        except BaseException:
            with suppress(OSError):  # it is that disk again
                self._file.close()
            raise

    @property
    def name(self) -> str:
        """Of the file."""
        return self._file.path.name

    @property
    def size(self) -> int:
        """Bytes that were written."""
        return self._file.size

    def write(self, pcm: bytes) -> None:
        """More sound. Raises `OSError`, also where a WAV file can hold no more."""
        if self._sound + len(pcm) + HEADER_BYTES > LONGEST_SOUND:
            raise OSError(0, TOO_LONG)
        self._file.write(pcm)
        self._sound += len(pcm)
        if self._patched:
            self._file.patch(stereo_header(self._sound))

    def close(self) -> None:
        """See `RecordedFile`."""
        self._file.close()
