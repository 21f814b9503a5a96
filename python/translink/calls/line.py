"""How one leg sounds in a call: readings once a second of what the engine counts.

Level and clipping are read off what is there anyway: the loudness that the recogniser's map of speech
keeps of each frame, and the outline that the engine keeps for the dashboard.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from translink.calls.measures import plain
from translink.observe.emodel import line_mos
from translink.observe.record import LineFigures
from translink.observe.stages import Histogram
from translink.results import FRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translink.calls.lag import Lag
    from translink.media import MediaLeg
    from translink.recognition.speech_map import SpeechMap

FULL_SAMPLE = 32_768
FULL_REACH = 127
"""Of 128: samples within 1/128 of full scale."""
AUDIBLE_LEVEL = 2
"""Of 128: what is below is taken for silence by the share of clipped sound."""
HOLE_LEVEL = 0xFFFF
"""What the map of speech notes for frames that never came."""
_BELOW = bytes(min(256 - low, 127) if low > 127 else 0 for low in range(256))
_ABOVE = bytes(high if high < 128 else 0 for high in range(256))
"""How far an int8 reaches below and above zero."""


class LineWatch:
    """One leg in one call."""

    def __init__(self, media: MediaLeg, speech: SpeechMap, lag: Lag) -> None:
        """`lag` is that of its ear."""
        self._media = media
        self._speech = speech
        self._lag = lag
        self._before = _counters(media)
        self._now: Mapping[str, int] = self._before
        self._heard = speech.head
        self._outline = -1
        """Where the next reading of it begins; -1: not read yet."""
        self._levels = Histogram()
        self._peak = 0
        self._slots = self._clipped = 0
        self._jitter = self._jitter_max = self._buffer = 0.0
        self._looks = 0
        self._echo_lag = 0.0
        self._level: float | None = None
        """The median as of the newest reading with speech in it."""

    def look(self) -> None:
        """Take a reading. Call it once a second, and at the end."""
        self._now = now = _counters(self._media) or self._now
        if now.get("datagrams_in", 0) > self._before.get("datagrams_in", 0):
            jitter = now.get("jitter_ns", 0) / 1e6
            self._looks += 1
            self._jitter += jitter
            self._jitter_max = max(self._jitter_max, jitter)
            self._buffer += now.get("rtp_wait_ns", 0) / 1e6
        self._echo_lag = max(self._echo_lag, now.get("echo_lag_ns", 0) / 1e6)
        for rms in self._speech.loudness(self._heard):
            if rms != HOLE_LEVEL:
                self._levels.observe(rms / FULL_SAMPLE)
                self._level = None
        self._heard = self._speech.head
        self._look_at_outline()

    def quality(self) -> tuple[float | None, float | None, float | None]:
        """MOS, level of speech (dB) and share of clipped sound, as far as they are known. Cheap: it is
        asked for with every leg that is shown."""
        if self._level is None and self._levels.count:
            self._level = _db(self._levels.quantile(0.5))
        clipped = round(self._clipped / self._slots, 4) if self._slots else None
        return self._mos(), self._level, clipped

    def _mos(self) -> float | None:
        datagrams, lost = self._since("datagrams_in"), self._since("rtp_lost")
        if not datagrams or not self._now.get("rtp_wait_ns"):
            return None
        return line_mos(lost / (datagrams + lost), self._buffer / max(1, self._looks))

    def _since(self, name: str) -> int:
        return self._now.get(name, 0) - self._before.get(name, 0)

    def figures(self) -> LineFigures:
        """What was found so far."""
        since, looks = self._since, max(1, self._looks)
        mos, level, clipped = self.quality()
        return LineFigures(
            datagrams=since("datagrams_in"),
            seconds=round(since("frames_in") * FRAME_SECONDS, 2),
            speech_s=round(since("frames_speech") * FRAME_SECONDS, 2),
            rtp=self._now.get("rtp_wait_ns", 0) > 0,
            lost_packets=since("rtp_lost"),
            late_packets=since("rtp_late"),
            refused_packets=since("rtp_refused") + since("drops_rtp"),
            concealed_s=round(since("rtp_concealed_ns") / 1e9, 3),
            jitter_ms=round(self._jitter / looks, 2),
            jitter_max_ms=round(self._jitter_max, 2),
            buffer_ms=round(self._buffer / looks, 1),
            level_db=level,
            peak_db=_db(self._peak / 128) if self._peak else None,
            clipped=clipped or 0.0,
            drops={
                key: dropped
                for key in self._now
                if key.startswith(("drops_", "errors_")) and (dropped := since(key)) > 0
            },
            strangers=since("strangers"),
            source_changes=since("source_changes"),
            underruns=since("underruns"),
            echo_frames=since("frames_echo"),
            echo_lag_ms=round(self._echo_lag, 1),
            echo_guard=self._media.echo_guard,
            muted=self._media.muted,
            behind_max_s=round(self._lag.most, 1),
            behind_p95_s=round(self._lag.p95, 1),
            mos=mos,
        )

    def _look_at_outline(self) -> None:
        try:
            first, outline = self._media.envelope("said", max(0, self._outline))
        except (LookupError, RuntimeError):  # the leg is out of service, or closed
            return
        begun, self._outline = self._outline >= 0, first + len(outline) // 2
        if not begun:
            return  # of the call before, in part
        # Without a loop of Python's over each 20 ms: there may be a thousand legs.
        below, above = outline[::2].translate(_BELOW), outline[1::2].translate(_ABOVE)
        self._slots += max(
            len(side) - sum(side.count(level) for level in range(AUDIBLE_LEVEL))
            for side in (below, above)
        )
        self._clipped += max(below.count(FULL_REACH), above.count(FULL_REACH))
        self._peak = max(self._peak, max(below, default=0), max(above, default=0))


def _counters(media: MediaLeg) -> Mapping[str, int]:
    """Empty when the leg is closed."""
    try:
        return plain(media.counters())
    except (LookupError, RuntimeError):
        return {}


def _db(share: float) -> float:
    return round(20 * math.log10(max(share, 1 / FULL_SAMPLE)), 1)
