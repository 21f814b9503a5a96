"""Records calls: the loop says which, one thread reads and writes.

The thread takes what is new of each leg twice a second (the engine copies it, without the interpreter), 64 kB a
second and leg, and writes it. Nobody waits for it: what it is too slow for is overwritten in the engine and
counted (`Track`); an error of the disk, or a bug, ends that recording, not the call and not the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import structlog

from translink.observe.record import RecordedFigures
from translink.process.clock import unix
from translink.recording.cipher import read_key
from translink.recording.recording import RecordedTrack, Recording
from translink.recording.store import Store, recording_name
from translink.recording.track import Track
from translink.results import RATE
from translink.settings.secrets import readable_by_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from translink.calls.call import Call
    from translink.calls.leg import Leg
    from translink.calls.notice import NoticeMaker
    from translink.observe.journal import Journal, Value
    from translink.observe.transcripts import CallTranscript
    from translink.settings.recording import RecordingSettings

log = structlog.get_logger("translink")

LOOK_PERIOD = 0.1
"""Seconds between two looks at the legs' clocks."""
LOOKS_PER_WRITE = 5
SWEEP_PERIOD = 600.0
"""Seconds between two looks for what is too old."""
MEASURE_PERIOD = 10.0
"""Seconds between two looks at what other processes wrote."""
WALK_SLICE = 0.02
"""Seconds of each look that such a walk through the folder takes while something is recorded."""
FULL_PERIOD = 2.0
"""Seconds between two looks at how full the disk is."""
LAST_WRITES_TIME = 3.0
"""Seconds that the disk gets at the end of the process."""
RECORDING_LEAD = RATE // 10
"""Samples by which a recording begins before its first sound."""


class Recorder:
    """All recordings of the process."""

    def __init__(
        self,
        settings: RecordingSettings,
        journal: Journal,
        transcript_of: Callable[[str], CallTranscript],
        notice: NoticeMaker,
    ) -> None:
        """`transcript_of(call)`: what is kept of it. Raises `SettingsError`."""
        self.notice = notice
        self._on = settings.on
        self._journal = journal
        self._transcript_of = transcript_of
        self._key = None if settings.key_file is None else read_key(settings.key_file)
        self._store = Store(settings)
        self._full = self._store.full()
        self._said_full = ""
        self._walk: Iterator[str] | None = None
        """The thread's, as what follows: a walk through the folder that is not done."""
        self._swept = self._walked = 0.0
        """When the last sweep began, and when the last walk was done; monotonic clock."""
        self._said_stuck = False
        self._running: dict[str, list[tuple[Call, Recording, dict[str, Leg]]]] = {}
        """By call; the legs are those that are still being recorded."""
        self._new: deque[Recording] = deque()
        self._open: list[Recording] = []
        """The thread's."""
        self._stop = threading.Event()
        self._counts = {"begun": 0, "ended": 0, "failed": 0, "refused": 0}
        self._lost_ms = 0.0
        """Of those that have ended."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        if self._store.exposed:
            log.warning("others may read the folder of recordings", folder=str(self._store.folder))
        if settings.key_file is not None and readable_by_all(settings.key_file):
            log.warning("anybody can read the recordings' key", file=str(settings.key_file))
        self._thread.start()

    def figures(self) -> dict[str, float]:
        """For the statistics."""
        running = [each for some in self._running.values() for _, each, _ in some]
        lost = self._lost_ms + sum(each.lost_ms for each in running)
        return {
            **self._counts,
            "running": len(running),
            "bytes": self._store.used,
            "lost_ms": round(lost, 1),
        }

    # --- By the loop ---

    def wants(self, leg: Leg) -> bool:
        return self._on if leg.settings.record is None else leg.settings.record

    def refuses(self) -> bool:
        return bool(self._full)

    def begin(self, call: Call, legs: Sequence[Leg]) -> None:
        if wanted := [leg for leg in legs if self.wants(leg)]:
            self._begin(call, wanted)

    def switch(self, leg: Leg) -> None:
        call = leg.call
        if call is None or call.over:
            return
        if not self.wants(leg):
            for each in leg.calls:  # also those that still drain
                for one, recording, legs in tuple(self._running.get(each.name, ())):
                    if leg.name in legs and not recording.problem:
                        self._finish(one, recording, legs, [leg.name])
        elif not self._records(leg, (call.name,)):
            leg.media.hand_over()  # its newest sound is placed by when it came
            if self._begin(call, [leg]):
                call.announcements.announce(self.notice)

    def over(self, call: Call) -> None:
        """A call is over, and its legs are still open."""
        for one, recording, legs in tuple(self._running.get(call.name, ())):
            self._finish(one, recording, legs, tuple(legs))

    def close(self) -> None:
        """No call runs any more: write what is left, within bounds."""
        self._stop.set()
        self._thread.join(LAST_WRITES_TIME)
        if self._thread.is_alive():
            log.error("the recordings' disk does not answer; their last seconds are lost")

    def _records(self, leg: Leg, calls: Iterable[str]) -> bool:
        """Whether it is being written in one of these calls: one drains while the next one runs."""
        return any(
            legs.get(leg.name) is leg and not recording.problem
            for call in calls
            for _, recording, legs in self._running.get(call, ())
        )

    def _begin(self, call: Call, legs: list[Leg]) -> bool:
        """Whether it begins; if not, it was told why."""
        names = tuple(leg.name for leg in legs)
        if self._full:
            self._refuse(call, names, self._full)
            return False
        tapped: list[Leg] = []
        try:
            for leg in legs:
                leg.tap_ear()
                tapped.append(leg)
        except (LookupError, RuntimeError, MemoryError) as error:
            for leg in tapped:
                leg.untap_ear()
            self._refuse(call, names, f"what is heard cannot be kept: {error}")
            return False
        speech = {leg.name: call.interpreters[leg.name].listener.speech for leg in legs}
        early = max(0, *(leg.head - speech[leg.name].head for leg in legs)) + RECORDING_LEAD
        origin, began = _now() - early, unix() - early / RATE
        recording = Recording(
            call=call.name,
            name=recording_name(began, call.name),
            began=began,
            languages={name: each.language for name, each in call.interpreters.items()},
            tracks={
                leg.name: RecordedTrack(Track(leg.media, speech[leg.name], origin)) for leg in legs
            },
        )
        for leg in legs:
            leg.recorded = True
        call.recordings.append(recording.figures)
        running = (call, recording, {leg.name: leg for leg in legs})
        self._running.setdefault(call.name, []).append(running)
        self._counts["begun"] += 1
        self._new.append(recording)
        self._tell(recording, "started")
        return True

    def _refuse(self, call: Call, legs: tuple[str, ...], problem: str) -> None:
        self._counts["refused"] += 1
        call.recordings.append(lambda: RecordedFigures("", legs, problem=problem))
        if problem != self._said_full:
            self._said_full = problem
            log.error("calls are not recorded", reason=problem, call=call.name)
        data: dict[str, Value] = {
            "state": "refused",
            "name": "",
            "legs": list(legs),
            "reason": problem,
        }
        self._journal.emit("recording", data, call=call.name)

    def _finish(
        self, call: Call, recording: Recording, legs: dict[str, Leg], ended: Sequence[str]
    ) -> None:
        now = _now()
        for name in ended:
            leg, each = legs.pop(name), recording.tracks[name]
            if not recording.problem:
                each.finish(now)
            leg.recorded = self._records(leg, self._running)
            leg.untap_ear()
        if legs:
            return
        some = self._running[call.name]
        some[:] = [one for one in some if one[1] is not recording]
        if not some:
            del self._running[call.name]
        # One that had to be found, or was changed, is known by now.
        recording.languages = {name: each.language for name, each in call.interpreters.items()}
        try:
            recording.kept = self._transcript_of(call.name).copy()
        except KeyError:  # it is not kept (`transcripts.keep_calls`)
            from translink.observe.transcript_lines import TranscriptLines
            from translink.observe.transcripts import CallTranscript

            recording.kept = CallTranscript(call.name, call.began, TranscriptLines(0))

    def _ended(self, recording: Recording) -> None:
        self._counts["ended"] += 1
        self._lost_ms += recording.lost_ms
        self._tell(recording, "ended")

    def _failed(self, recording: Recording) -> None:
        self._counts["failed"] += 1
        for _, one, legs in self._running.get(recording.call, ()):
            if one is recording:
                while legs:
                    _, leg = legs.popitem()
                    leg.recorded = self._records(leg, self._running)
                    leg.untap_ear()
        log.error(
            "a recording ended before its time; the call goes on",
            call=recording.call,
            recording=recording.name,
            reason=recording.problem,
        )
        self._tell(recording, "failed")

    def _tell(self, recording: Recording, state: str) -> None:
        figures = recording.figures()
        self._journal.emit(
            "recording",
            {
                "state": state,
                "name": figures.name,
                "legs": list(figures.legs),
                **({"reason": figures.problem} if figures.problem else {}),
                "seconds": figures.seconds,
                "bytes": figures.bytes,
                "lost_ms": figures.lost_ms,
            },
            call=recording.call,
        )

    # --- By the thread ---

    def _work(self) -> None:
        looks, checked = 0, 0.0
        while True:
            stopping = self._stop.wait(LOOK_PERIOD)
            now = time.monotonic()
            try:
                if not stopping:
                    self._walk_on()
                if now - checked > FULL_PERIOD:
                    checked = now
                    was_full, self._full = self._full, self._store.full()
                    if was_full and not self._full:
                        self._said_full = ""  # the next time is said again
            except Exception:
                self._walk, self._walked = None, now + SWEEP_PERIOD  # not said at each measure
                log.exception("a bug in looking through the folder of recordings")
            while self._new:
                self._open.append(self._new.popleft())
            for recording in self._open:
                if recording.problem:
                    continue  # nobody takes what was noted
                try:
                    recording.look()
                except Exception as error:
                    self._give_up(recording, error)
            looks += 1
            if looks % LOOKS_PER_WRITE == 0 or stopping:
                self._open = [each for each in self._open if not self._served(each)]
            if stopping:
                self._walk = None  # which closes the folder
                return

    def _served(self, recording: Recording) -> bool:
        """Write what is new of it. True: it is done with."""
        over = recording.kept is not None
        if not recording.problem:
            try:
                if self._full:
                    raise OSError(0, self._full)
                recording.write(self._store, self._key, _now())
            except Exception as error:
                self._give_up(recording, error)
        if not over:
            return False
        try:
            recording.close(self._store, self._key)
        except Exception as error:
            self._give_up(recording, error)
        self._on_loop(partial(self._ended, recording))
        return True

    def _give_up(self, recording: Recording, error: Exception) -> None:
        """End it before its time, whatever the error is: the thread goes on with the others."""
        if isinstance(error, OSError):
            problem = error.strerror or str(error)
        else:
            problem = f"a bug: {type(error).__name__}"
            log.error(
                "a bug in writing this recording; others go on",
                call=recording.call,
                recording=recording.name,
                exc_info=error,
            )
        if recording.problem:
            return
        recording.problem = problem
        with contextlib.suppress(Exception):  # it is that disk again, or that bug
            recording.close_files()
        self._on_loop(partial(self._failed, recording))

    def _walk_on(self) -> None:
        """Begin a walk through the folder if it is time, or go on with it. There may be many recordings, and
        the sound of those that run does not wait."""
        began = time.monotonic()
        if self._walk is None:
            if not self._swept or began - self._swept > SWEEP_PERIOD:
                self._swept = began
                running = {each.name for each in self._open}
                self._walk = self._store.sweep(time.time(), running)
            elif began - self._walked > MEASURE_PERIOD:
                self._walk = self._store.measure(time.time())
            else:
                return
        for name in self._walk:
            if name:
                log.info(
                    "a recording was deleted: it is older than record.retention", recording=name
                )
            hurry = self._open or self._new or self._stop.is_set()
            if hurry and time.monotonic() - began > WALK_SLICE:
                return
        self._walk, self._walked = None, time.monotonic()
        stuck = self._store.stuck
        if stuck and not self._said_stuck:
            log.error(
                "recordings older than record.retention cannot be deleted; delete them by hand",
                folder=str(self._store.folder),
                recordings=len(stuck),
                first=stuck[0],
            )
        self._said_stuck = bool(stuck)

    def _on_loop(self, what: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: the process ends
            self._loop.call_soon_threadsafe(what)


def _now() -> int:
    """Samples of the monotonic clock, 16 to the millisecond."""
    return time.monotonic_ns() * RATE // 1_000_000_000
