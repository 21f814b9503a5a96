"""One recording of one call: the tracks of its legs, their files, the transcript beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from translink.observe.record import RecordedFigures
from translink.recording.file import RecordedFile, SoundFile
from translink.recording.track import Track
from translink.recording.transcript import TRANSCRIPT_NAME, RecordedLeg, recorded_transcript

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from translink.observe.transcripts import CallTranscript
    from translink.recording.store import Store


@dataclass(slots=True)
class RecordedTrack:
    """One leg of it."""

    track: Track
    file: SoundFile | None = None
    """None: not made yet."""
    tail: bytes = b""
    """The rest, which the loop has read at the leg's end."""

    def finish(self, now: int) -> None:
        """The leg ends with sample `now`; see `Track.finish`."""
        self.tail = self.track.finish(now)


@dataclass(slots=True)
class Recording:
    """The loop begins it and ends it; all that waits for the disk is done by the thread."""

    call: str
    name: str
    began: float
    """Unix seconds of its first sample."""
    languages: Mapping[str, str]
    """Of all legs of the call; as they are at its end, once it has ended."""
    tracks: dict[str, RecordedTrack]
    """By leg; those that are recorded."""
    problem: str = ""
    """Why it ended before its time."""
    kept: CallTranscript | None = None
    """Set at its end: what is known of the call."""
    _folder: Path | None = None
    _size: int = 0

    def figures(self) -> RecordedFigures:
        """How it stands."""
        return RecordedFigures(
            name=self.name if self._folder is not None or not self.problem else "",
            legs=tuple(self.tracks),
            seconds=round(self.seconds, 1),
            bytes=self._size,
            lost_ms=round(self.lost_ms, 1),
            problem=self.problem,
        )

    @property
    def seconds(self) -> float:
        """What it has of the longest track."""
        return max(each.track.seconds for each in self.tracks.values())

    @property
    def lost_ms(self) -> float:
        """Sound that is missing in it."""
        return sum(each.track.lost_ms for each in self.tracks.values())

    # --- By the thread that writes ---

    def look(self) -> None:
        """See `Track.look`."""
        for each in self.tracks.values():
            each.track.look()

    def write(self, store: Store, key: bytes | None, now: int) -> None:
        """What can be written by `now`. Raises `OSError`."""
        for leg, each in self.tracks.items():
            pcm = each.track.take(now)
            if each.tail:
                pcm, each.tail = pcm + each.tail, b""
            if each.file is None:
                each.file = SoundFile(store, self._in(store) / f"{leg}.wav", key)
            if pcm:
                each.file.write(pcm)
        self._size = sum(each.file.size for each in self.tracks.values() if each.file)

    def close(self, store: Store, key: bytes | None) -> None:
        """Close its files, and write the transcript beside them. Raises `OSError`."""
        self.close_files()
        assert self.kept is not None
        if self._folder is None and self.problem:
            return  # no sound that it could lie beside
        text = RecordedFile(store, self._in(store) / TRANSCRIPT_NAME, key)
        try:
            transcript = recorded_transcript(
                self.kept,
                began=self.began,
                seconds=self.seconds,
                legs=[self._leg(*each) for each in self.languages.items()],
                problem=self.problem,
            )
            option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
            text.write(orjson.dumps(transcript, option=option))
        finally:
            text.close()
        self._size += text.size

    def close_files(self) -> None:
        """Close what is open. Raises `OSError`; nothing is left open then, or after a bug, either."""
        problems: list[Exception] = []
        for each in self.tracks.values():
            try:
                if each.file is not None:
                    each.file.close()
            except Exception as error:
                problems.append(error)
        if problems:
            raise problems[0]

    def _in(self, store: Store) -> Path:
        if self._folder is None:
            self._folder, self.name = store.make(self.name)
        return self._folder

    def _leg(self, leg: str, language: str) -> RecordedLeg:
        each = self.tracks.get(leg)
        if each is None or each.file is None:
            return RecordedLeg(leg, language, None)
        track = each.track
        return RecordedLeg(
            leg, language, each.file.name, round(track.seconds, 3), round(track.lost_ms, 1)
        )
