"""Reads recordings back: for `translink replay`, `translink recording decrypt`, and tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from translink.errors import TranslinkError
from translink.recording.cipher import SUFFIX, open_file
from translink.recording.stereo import HEADER_BYTES, unwoven
from translink.recording.transcript import TRANSCRIPT_NAME, RecordedTranscript


class RecordingError(TranslinkError):
    """It is no recording, or cannot be read; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class ReadRecording:
    """A recording in memory: 230 MB for each hour of each leg."""

    transcript: RecordedTranscript
    said: dict[str, bytes]
    """By leg that was recorded: s16le, 16 kHz. All begin at one moment."""
    heard: dict[str, bytes]
    whole: bool
    """No file of it is cut off."""


def read_recording(folder: Path, key: bytes | None = None) -> ReadRecording:
    """The recording in a folder. Raises `RecordingError`, and `SealError` for the wrong key."""
    if folder.name in (TRANSCRIPT_NAME, TRANSCRIPT_NAME + SUFFIX):
        folder = folder.parent
    text, whole = _read(folder, TRANSCRIPT_NAME, key)
    try:
        transcript = TypeAdapter(RecordedTranscript).validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "it"
        raise RecordingError(
            f"{folder / TRANSCRIPT_NAME}: is no transcript of a recording: {where}: {problem['msg']}"
        ) from None
    said, heard = {}, {}
    for leg in transcript.legs:
        if leg.file is not None:
            sound, all_of_it = _read(folder, Path(leg.file).name.removesuffix(SUFFIX), key)
            said[leg.leg], heard[leg.leg] = unwoven(sound[HEADER_BYTES:])
            whole = whole and all_of_it
    return ReadRecording(transcript, said, heard, whole)


def _read(folder: Path, name: str, key: bytes | None) -> tuple[bytes, bool]:
    plain, sealed = folder / name, folder / (name + SUFFIX)
    try:
        if plain.exists() or not sealed.exists():
            return plain.read_bytes(), True
        if key is None:
            raise RecordingError(f"{sealed}: is encrypted; say by which key, with --key-file")
        return open_file(sealed, key)
    except OSError as error:
        raise RecordingError(f"{error.filename}: {error.strerror or error}") from None
