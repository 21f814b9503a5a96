"""A leg as the switchboard knows it: its settings as they are now, its media, the call it is in.

Also the books of the predecessor's "state manager": a leg's counters are those of its present call
(or, until the next one begins, of its last).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from translink.media import LegPorts
from translink.observe.views import LegLive, Queues
from translink.recognition.rules import ListenStats, Mode

if TYPE_CHECKING:
    from translink._core import Frame, LegCounters
    from translink.calls.call import Call
    from translink.calls.interpreter import Interpreter
    from translink.media import Media, MediaLeg
    from translink.settings.model import LegSettings
    from translink.settings.model import Mode as SetMode

FRESH = 0.5
"""Seconds for which a level is news."""
FULL_SCALE = 32_768


def open_leg(media: Media, leg: LegSettings) -> MediaLeg:
    """Its sockets. Raises `OSError` (address in use, …)."""
    return media.add_leg(
        LegPorts(
            name=leg.name,
            listen=(leg.listen.host, leg.listen.port),
            play_to=(leg.play_to.host, leg.play_to.port) if leg.play_to else None,
            send_from_listen=leg.send_from_listen,
            source=leg.source,
            ledger_seconds=leg.ledger_seconds,
            prebuffer_ms=leg.prebuffer_ms,
            tail_ms=leg.tail_ms,
            receive_buffer=leg.receive_buffer,
            continuous=leg.continuous,
        )
    )


@dataclass(frozen=True, slots=True)
class LegMeasures:
    """What a leg counted since it was opened."""

    leg: str
    """A name shared by those that come and go."""
    media: Mapping[str, int]
    recognition: ListenStats


class Leg:
    """One leg, for as long as its sockets are open."""

    def __init__(
        self, settings: LegSettings, media: MediaLeg, other: str, *, created: bool = False
    ) -> None:
        """`other` = the leg that hears it; `created` = for one call only, which somebody asked
        for."""
        self.settings = settings
        self.media = media
        self.other = other
        self.created = created
        self.call: Call | None = None
        self.own_mode: SetMode | None = settings.mode
        """None = the system's."""
        self.volume = 1.0
        self.muted = False
        self.listeners = 0
        """Who listens in."""
        self.tapped = 0
        """How many of them to what its ear hears."""
        self.head = 0
        """One past the newest sample."""
        self.not_before = 0.0
        """No call begins here before (monotonic seconds)."""
        self.refused_at = -math.inf
        """When a call was last refused to who speaks here."""
        self.past = ListenStats()
        """Sums over its ended calls."""
        self._last = ListenStats()
        self._newest: Frame | None = None
        self._baseline = self._next_baseline = media.counters()
        self._rate = (time.monotonic(), self._baseline["datagrams_in"], 0.0)

    @property
    def name(self) -> str:
        """As in the settings, or as the creator of the call named it."""
        return self.settings.name

    @property
    def language(self) -> str:
        """As it is now."""
        return self.settings.language

    @property
    def interpreter(self) -> Interpreter | None:
        """Of what is said here, during a call."""
        return self.call.interpreters[self.name] if self.call else None

    def heard(self, frames: list[Frame]) -> None:
        """New audio."""
        self._newest = frames[-1]
        self.head = self._newest.start + 320

    def begin(self, call: Call) -> None:
        """A call begins."""
        self.call = call
        self._baseline = self._next_baseline

    def end(self, guard: float) -> None:
        """Its call has ended; the next one begins after `guard` (monotonic seconds)."""
        assert self.interpreter is not None
        stats = self.interpreter.listener.stats
        self._last = stats
        add_stats(self.past, stats)
        self.call = None
        self._next_baseline = self.media.counters()
        self.not_before = guard

    def set_sound(self, *, volume: float | None, muted: bool | None) -> None:
        """Of its ear, and whether what is said here counts; None = as it is. Raises
        `LookupError`."""
        if volume is not None:
            self.media.set_volume(volume)
            self.volume = volume
        if muted is not None:
            self.media.set_muted(muted)
            self.muted = muted

    # --- Figures ---

    def stats(self, setting: SetMode) -> dict[str, object]:
        """Media counters of its call, and `stt`."""
        interpreter = self.interpreter
        stats = interpreter.listener.stats if interpreter else self._last
        mode = interpreter.listener.mode if interpreter else Mode.IDLE
        return {
            **_since(self.media.counters(), self._baseline),
            "language": self.language,
            "call": self.call.name if self.call else None,
            "setting": setting,
            "stt": {"mode": mode.value, **asdict(stats)},
        }

    def lifetime(self) -> tuple[dict[str, int], ListenStats]:
        """Media counters and recognition's since the leg was opened."""
        stats = ListenStats()
        add_stats(stats, self.past)
        if interpreter := self.interpreter:
            add_stats(stats, interpreter.listener.stats)
        return {key: int(str(value)) for key, value in self.media.counters().items()}, stats

    def live(self, setting: SetMode, hears: str) -> LegLive:
        """As it is now."""
        now = time.monotonic()
        counters = _since(self.media.counters(), self._baseline)
        interpreter = self.interpreter
        stats = interpreter.listener.stats if interpreter else self._last
        number = {key: int(str(value)) for key, value in counters.items()}
        source = self.media.source()
        return LegLive(
            leg=self.name,
            call=self.call.name if self.call else None,
            language=self.language,
            hears=hears,
            mode=(interpreter.listener.mode if interpreter else Mode.IDLE).value,
            reason=interpreter.listener.reason if interpreter else "",
            setting=setting,
            volume=self.volume,
            muted=self.muted,
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
        )

    def _level(self, now: float) -> float | None:
        frame = self._newest
        if frame is None or now - frame.ready / 1e9 > FRESH:
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


def add_stats(total: ListenStats, part: ListenStats) -> None:
    """Add `part` up in `total`."""
    for key, value in asdict(part).items():
        setattr(total, key, getattr(total, key) + value)


MOMENTARY = frozenset(
    {
        *("playout_queued", "rcvbuf", "last_datagram", "jitter_ns"),
        *("behind_ns", "tempo", "echo_lag_ns", "echo_gain"),
    }
)
"""Counters that make no sum."""
_STATES = MOMENTARY | {"late_max", "dead"}
"""And those that make no difference between two times."""


def _since(now: LegCounters, before: LegCounters) -> dict[str, object]:
    return {
        key: value if key in _STATES else int(str(value)) - int(str(before[key]))  # type: ignore[literal-required]
        for key, value in now.items()
    }
