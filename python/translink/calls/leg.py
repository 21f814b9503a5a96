"""A leg as the switchboard knows it: its settings as they are now, its media, the call it is in.

Its counters are those of its present call, or, until the next one begins, of its last.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import structlog

from translink.calls.hearing import Hearing
from translink.calls.measures import LegMeasures, add_up, plain, since
from translink.observe.record import Tally
from translink.observe.views import Echo, LegLive, Queues
from translink.process.weakly import weakly
from translink.recognition.rules import ListenState, ListenStats
from translink.results import FRAME, FRAME_BYTES, RATE

if TYPE_CHECKING:
    from translink._core import Frame
    from translink.calls.call import Call
    from translink.calls.interpreter import Interpreter
    from translink.calls.tap import Lane
    from translink.media import MediaLeg
    from translink.settings.lag import Original
    from translink.settings.legs import LegSettings, Mode
    from translink.settings.types import Address

log = structlog.get_logger("translink")

LEVEL_AGE = 0.5
"""Seconds for which a level is shown."""
FULL_SCALE = 32_768
EARLY_FRAMES = 100
"""Frames that are kept for the next call, after a call's end or while one party waits for the other: 2 s."""
STRAGGLER_GAP = 0.5
"""Seconds without a frame after which what came before it was a straggler."""


@dataclass(frozen=True, slots=True)
class LegConnection:
    """Where a connection of AudioSocket is taken for a leg, and by which name."""

    uuid: str
    at: Address


class Leg:
    """One leg, for as long as its sockets are open."""

    def __init__(
        self,
        settings: LegSettings,
        media: MediaLeg,
        other: str,
        *,
        created: bool = False,
        second: bool = False,
    ) -> None:
        """`other` = the leg that hears it; `created` = opened for one call, on request; `second` = of
        its pair."""
        self.second = second
        self.settings = settings
        self.name = settings.name
        """As in the settings, or as the creator of the call named it. Never changed: asked for each frame."""
        self.media = media
        self.other = other
        self.created = created
        self.hearing = Hearing(
            media.original,
            behind=weakly(self._behind, 0.0),
            queued=weakly(self._queued, 0.0),
            echo=weakly(self._echo_lag, None),
        )
        """Its ear."""
        self.call: Call | None = None
        self.attended = False
        """Somebody is known to be on the line: silence does not end the call, and none begins before
        the other one is there, too."""
        self.first_digits: Callable[[str], None] | None = None
        """What takes the keys that are pressed; None = they control the call (`Controls`)."""
        self.digits_reported = False
        """A telephone system tells them itself; those that come with the audio are the same ones."""
        self.connection: LegConnection | None = None
        """How its audio comes, if that is over AudioSocket."""
        self.recorded = False
        """What is said and heard here is being written to disk."""
        self.mute_orders = 0
        """How many times it was said whether what is said here counts."""
        self.listeners = 0
        """Taps that are open: how many listen in."""
        self.head = 0
        """One past the newest sample."""
        self.refused_at = -math.inf
        """When a call was last refused to the talker here."""
        self.past = ListenStats()
        """Sums over its ended calls."""
        self.past_tally = Tally()
        self._last = ListenStats()
        self._draining: list[Call] = []
        """Calls that have ended and still speak into the ear, while the next one runs."""
        self._early_start = 0
        self._start = 0
        """First sample of `call`."""
        self._early: deque[Frame] = deque(maxlen=EARLY_FRAMES)
        """Frames since the last call's end, until it is certain whether they are a next call's."""
        self._not_before = 0.0
        self._reset_due = False
        self._heard_taps = 0
        """Listeners and recordings that want what the ear hears."""
        self._newest: Frame | None = None
        self._closed: LegMeasures | None = None
        self._baseline = self._next_baseline = media.counters()
        self._rate = (time.monotonic(), self._baseline["datagrams_in"], 0.0)

    @property
    def language(self) -> str:
        """As it is now; of a leg that may speak several, what its call has found, or the first."""
        if self.settings.candidates and (interpreter := self.interpreter) is not None:
            return interpreter.language
        return self.settings.languages[0]

    @property
    def interpreter(self) -> Interpreter | None:
        """Of what is said here, during a call."""
        return self.call.interpreters[self.name] if self.call else None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The call that is heard here, and those before it that still drain."""
        return (*self._draining, self.call) if self.call else tuple(self._draining)

    @property
    def not_before(self) -> float:
        """The next call begins no sooner (monotonic seconds)."""
        return self.call.next_from if self.call else self._not_before

    @property
    def has_port(self) -> bool:
        """It listens on a port that a gateway knows from the settings."""
        return not (self.created or self.settings.at_pbx)

    # --- Calls come and go ---

    def hear(self, call: Call, frames: list[Frame]) -> int:
        """New audio for the call that listens. Returns as `Call.frames`."""
        self._note(frames[-1])
        together = call.frames(self.name, frames)
        # Somebody who listens in would hear silence come in jerks.
        return 0 if self.listeners else together

    def keep(self, frames: list[Frame]) -> None:
        """Frames that came while no call listens: the next call's first words, if they go on. Those
        before a pause of `STRAGGLER_GAP` seconds were stragglers of the call before."""
        for frame in frames:
            if frame.filled == FRAME_BYTES:  # datagrams have stopped
                self._early.clear()
                continue
            if self._early and frame.captured - self._early[-1].captured > STRAGGLER_GAP * 1e9:
                self._early.clear()
            if not self._early:
                # A call's detaching swallows the frames that were on their way; the ledger has them.
                self._early_start = self.head if self.call is not None else frame.start
            elif len(self._early) == EARLY_FRAMES:  # the oldest goes, and its sound with it
                self._early_start = self._early[1].start
            self._early.append(frame)
            self.head = frame.start + FRAME
        self._note(frames[-1])

    @property
    def has_early(self) -> bool:
        """Whether frames are kept for a next call."""
        return bool(self._early)

    def take_early(self) -> list[Frame]:
        """What was kept, oldest first; it is kept no longer."""
        early = list(self._early)
        self._early.clear()
        return early

    @property
    def next_start(self) -> int:
        """First sample of a call that begins now."""
        return self._early_start if self._early else self.head

    def begin(self, call: Call, start: int) -> None:
        """A call begins with sample `start`. The one before may still drain."""
        self._start = start
        if self.call is not None:
            self._draining.append(self.call)
        self.call = call
        self._reset_due = False
        self._baseline = self.media.counters() if self._draining else self._next_baseline

    def end(self, call: Call) -> None:
        """A call has ended and drained. What is left of it in the ear is dropped; the leg is made
        new unless somebody already talks in the next call."""
        stats = call.interpreters[self.name].listener.stats
        add_up(self.past, stats)
        add_up(self.past_tally, call.interpreters[self.name].tally)
        if call is self.call:
            self._tell_realigned(call)
            self._last = stats
            self._not_before = call.next_from
            self.call = None
        else:
            self._draining.remove(call)
        # Legs that are out of service have nothing left to reset.
        with contextlib.suppress(LookupError, RuntimeError):
            if self.call is not None or self._early:
                self.media.flush()
                self.media.forget(self._start if self.call is not None else self._early_start)
                self._reset_due = self.call is None
            elif not self._draining:
                self.media.reset()
        self._next_baseline = self.media.counters()

    def _tell_realigned(self, call: Call) -> None:
        with contextlib.suppress(LookupError, RuntimeError):
            counters = since(self.media.counters(), self._baseline)
            if stray := counters.get("bytes_realigned", 0):
                log.warning(
                    "samples came cut in half; stray bytes were left out so that speech is no noise",
                    leg=self.name,
                    call=call.name,
                    bytes=stray,
                )

    def tidy(self, now: float) -> None:
        """Reset the leg if it could not be when its call ended, and nothing came of what was said
        then."""
        if not self._reset_due or (
            self._early and now - self._early[-1].captured / 1e9 <= STRAGGLER_GAP
        ):
            return
        self._reset_due = False
        self._early.clear()
        with contextlib.suppress(LookupError, RuntimeError):
            self.media.reset()
            self._next_baseline = self.media.counters()

    def next_party(self) -> None:
        """Somebody else is on the line from now on: what was kept is not what they said."""
        self._early.clear()
        self.tidy(time.monotonic())

    def refused(self, now: float) -> None:
        """A call was refused here."""
        self.refused_at = now
        self._early.clear()

    def admitted(self) -> None:
        """A call that was refused may begin now."""
        self.refused_at = -math.inf

    # --- What can be changed ---

    def attend(self, attended: bool) -> None:
        """Somebody is on the line from now on, or nobody is; see `attended`."""
        self.attended = attended

    def restore(self, settings: LegSettings) -> None:
        """Its settings are these again, from its next call on."""
        self.settings = settings

    def set_record(self, record: bool) -> None:
        """Whether it is to be recorded; the recorder is told by the caller."""
        self.settings = self.settings.model_copy(update={"record": record})

    def set_language(self, language: str) -> None:
        """What is spoken and heard here from now on, with that language's usual voice."""
        known = {"language": language, "voice": None, "candidates": ()}
        self.settings = self.settings.model_copy(update=known)
        if self.call is not None:
            self.call.set_language(self.name, language)

    def set_keyterm(self, terms: tuple[str, ...]) -> None:
        """What is likely to be said here from now on."""
        self.settings = self.settings.model_copy(update={"keyterm": terms})
        if self.interpreter is not None:
            self.interpreter.expect(terms)

    def set_voice_for(self, voice_for: str | None) -> None:
        """Which voice speaks for the talker here, from the next segment on; see `LegSettings`."""
        self.settings = self.settings.model_copy(update={"voice_for": voice_for})
        if self.call is not None:
            self.call.set_voice_for(self.name, voice_for)

    def set_sound(self, *, volume: float | None, muted: bool | None) -> None:
        """Of its ear, and whether what is said here counts; None = as it is. Raises
        `LookupError`."""
        if volume is not None:
            self.media.set_volume(volume)
        if muted is not None:
            self.media.set_muted(muted)
            self.mute_orders += 1

    def set_hearing(self, *, original: Original | None, echo_guard: bool | None) -> None:
        """What its ear hears of the other talker's own voice, and whether its echo is looked for;
        None = as it is. Raises `LookupError`."""
        if original is not None and original != self.hearing.original:
            self.media.set_original(original)
            self.hearing.switch(original, time.monotonic())
        if echo_guard is not None and echo_guard != self.media.echo_guard:
            # Switching forgets what was learned.
            self.media.set_echo_guard(echo_guard)

    # --- Listening in ---

    def listen_in(self, lane: Lane) -> None:
        """One more listens in. Raises `LookupError` when the leg is out of service."""
        if lane == "heard":
            self.tap_ear()
        self.listeners += 1

    def listen_no_more(self, lane: Lane) -> None:
        """One operator less listens in on that lane."""
        self.listeners -= 1
        if lane == "heard":
            self.untap_ear()

    def tap_ear(self) -> None:
        """Keep what its ear hears, for one more. Raises `LookupError` when the leg is out of service."""
        if not self._heard_taps:
            self.media.tap(True)
        self._heard_taps += 1

    def untap_ear(self) -> None:
        """One less needs it."""
        self._heard_taps -= 1
        if not self._heard_taps:
            # The leg may be gone, and its tap with it.
            with contextlib.suppress(LookupError, RuntimeError):
                self.media.tap(False)

    # --- Figures ---

    def stats(self, setting: Mode) -> dict[str, object]:
        """Media counters of its call, and `stt`."""
        interpreter = self.interpreter
        stats = interpreter.listener.stats if interpreter else self._last
        state = interpreter.listener.state if interpreter else ListenState.IDLE
        return {
            **since(self.media.counters(), self._baseline),
            "language": self.language,
            "call": self.call.name if self.call else None,
            "setting": setting,
            "stt": {"mode": state.value, **asdict(stats)},
        }

    def close(self) -> LegMeasures:
        """Close its sockets. What it counted until then."""
        self._closed = self.lifetime()
        self.media.remove()
        return self._closed

    def lifetime(self) -> LegMeasures:
        """What was counted since the leg was opened; once it is closed, until then."""
        if self._closed is not None:
            return self._closed
        stats, tally = ListenStats(), Tally()
        add_up(stats, self.past)
        add_up(tally, self.past_tally)
        for call in self.calls:
            add_up(stats, call.interpreters[self.name].listener.stats)
            add_up(tally, call.interpreters[self.name].tally)
        media = dict(plain(self.media.counters()))
        return LegMeasures(self.name, media, stats, tally, self._quality())

    def live(self, setting: Mode, hears: str) -> LegLive:
        """As it is now."""
        now = time.monotonic()
        number = since(self.media.counters(), self._baseline)
        interpreter = self.interpreter
        stats = interpreter.listener.stats if interpreter else self._last
        source = self.media.source()
        return LegLive(
            leg=self.name,
            call=self.call.name if self.call else None,
            language=self.language,
            hears=hears,
            mode=(interpreter.listener.state if interpreter else ListenState.IDLE).value,
            reason=interpreter.listener.reason if interpreter else "",
            setting=setting,
            volume=self.media.volume,
            muted=self.media.muted,
            listened=self.listeners > 0,
            level_db=self._level(now),
            datagram_rate=self._datagram_rate(now),
            jitter_ms=round(number.get("jitter_ns", 0) / 1e6, 3),
            drops={
                key: value
                for key, value in number.items()
                if key.startswith(("drops_", "errors_")) or key == "underruns"
            },
            queues=Queues(
                playout_ms=number["playout_queued"] / 32,
                segments=interpreter.waiting if interpreter else 0,
                pieces=interpreter.listener.pieces_waiting if interpreter else 0,
            ),
            lost_ms=round(stats.lost_ms, 1),
            words=interpreter.tally.words if interpreter else 0,
            source="{}:{}".format(*source) if source else None,
            strangers=number.get("strangers", 0),
            waiting_ms=interpreter.listener.waiting_ms if interpreter else 0.0,
            behind_s=round(number.get("behind_ns", 0) / 1e9, 2),
            tempo=number.get("tempo", 1_000) / 1000,
            original=self.hearing.original,
            echo=Echo(
                guard=self.media.echo_guard,
                lag_ms=number.get("echo_lag_ns", 0) / 1e6,
                gain_db=_decibels(number.get("echo_gain", 0)),
                frames=number.get("frames_echo", 0),
                finals=interpreter.tally.echoed if interpreter else 0,
            ),
            skipped=self._skipped(),
            keyterm=self.settings.keyterm,
            voice_for=self.settings.voice_for or "default",
            recorded=self.recorded,
            **self._quality(),
        )

    def _quality(self) -> dict[str, float]:
        return self.call.books.quality(self.name) if self.call else {}

    def _note(self, newest: Frame) -> None:
        self._newest = newest
        self.head = newest.start + FRAME

    def _behind(self) -> float:
        return self.media.counters()["behind_ns"] / 1e9

    def _queued(self) -> float:
        return self.media.counters()["playout_queued"] / (2 * RATE)

    def _echo_lag(self) -> float | None:
        if not self.media.echo_guard:
            return None
        return self.media.counters()["echo_lag_ns"] / 1e9

    def _skipped(self) -> int:
        """Segments that were not spoken into its ear, in this call."""
        call = self.call
        return call.interpreters[self.other].tally.skipped if call else 0

    def _level(self, now: float) -> float | None:
        frame = self._newest
        if frame is None or now - frame.ready / 1e9 > LEVEL_AGE:
            return None
        return round(20 * math.log10(max(frame.rms, 1) / FULL_SCALE), 1)

    def _datagram_rate(self, now: float) -> float:
        """Over the time since the last reading that is at least half a second old."""
        since, count, rate = self._rate
        if now - since >= 0.5:
            newest = self.media.counters()["datagrams_in"]
            rate = round((newest - count) / (now - since), 1)
            self._rate = (now, newest, rate)
        return rate


def _decibels(millionths: int) -> float | None:
    return round(20 * math.log10(millionths / 1e6), 1) if millionths else None
