"""One Flux connection (`/v2/listen`) as a state machine: what `protocol` is for nova.

Theory of operation
    Flux finds the turns itself. `TurnInfo` always has the whole turn, to be shown instead of what was shown
    before; only `EndOfTurn` makes it final. So Update, StartOfTurn, EagerEndOfTurn and TurnResumed are
    interims: an eager end may be taken back, and nothing is spoken that may be. A turn that has
    ended is over: what still comes of it is skipped.

    There is no Finalize and no KeepAlive, and turns advance with audio only: where the caller has none for
    `FILL_AFTER` and a turn is open, silence is sent in real time until it ends, for `MOST_FILL` at most; the
    server counts it in its times, we take it out again (`stream_clock`). So is the frame that is sent
    every `keep_alive` seconds to hold the connection.

    CloseStream does not finalize: the server says what it has heard, and closes without a code. The last
    that it said of the open turn is final then, since nobody can revise it.

    Audio goes out in messages of 80 ms, as Deepgram advises.

Words have their times where the server tells them (`start`, `end` are optional), else those of their coming.
Source: Deepgram's AsyncAPI file of 2026-07, its page on Flux' state machine, changelog of 2026-08-28.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from translink.errors import ProviderError, SettingsError
from translink.providers.deepgram.protocol import (
    KEEP_ALIVE_EVERY,
    LONGEST_TEXT,
    MOST_WORDS_OF_RESULT,
    Listen,
    seconds_of,
)
from translink.providers.deepgram.stream_clock import StreamClock, TurnTimes
from translink.providers.languages import base, is_among
from translink.results import FRAME_SECONDS, RATE, Result, StillHeard, Word
from translink.text.keyterms import joined

FLUX_LANGUAGES = frozenset(["de", "en", "es", "fr", "hi", "it", "ja", "nl", "pt", "ru"])
"""Of `flux-general-multi`."""
MESSAGE = 2 * RATE * 80 // 1000
"""Bytes of audio in a message."""
FILL_AFTER = 0.5
"""Seconds without audio after which silence is sent while a turn is open."""
SILENCE_STEP = 0.1
"""Seconds of silence in a message, and between two."""
MOST_FILL = 15.0
"""Seconds of silence for one turn, at the least; `eot_timeout_ms` and a little, where that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FluxOptions:
    """Query parameters of `/v2/listen`. None: not sent, Deepgram's default holds."""

    model: str = "flux-general-multi"
    eot_threshold: float | None = None
    """How sure the end of a turn must be, 0.5 to 1."""
    eager_eot_threshold: float | None = None
    """How sure an eager end must be, 0.3 to 0.9; None = there are none."""
    eot_timeout_ms: int | None = None
    """Silence that ends a turn all the same."""
    keyterm: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    """More parameters, sent as they are."""

    def __post_init__(self) -> None:
        eager, sure = self.eager_eot_threshold, self.eot_threshold
        if eager is not None and eager > (0.7 if sure is None else sure):
            raise SettingsError(
                "deepgram.eager_eot_threshold must not be above deepgram.eot_threshold"
            )

    def query(self, language: str, terms: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """Parameters of a connection in `language`, which is a hint to the model of many."""
        pairs = [("model", self.model), ("encoding", "linear16"), ("sample_rate", str(RATE))]
        names = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
        asked = [(name, getattr(self, name)) for name in names]
        pairs += [(name, str(value)) for name, value in asked if value is not None]
        pairs += self.extra.items()
        if self._is_multi:
            pairs.append(("language_hint", base(language)))
        return pairs + [("keyterm", term) for term in joined(self.keyterm, terms)]

    def hears(self, language: str, languages: Collection[str] | None = None) -> bool:
        """Whether the model recognises it, and the server, which has `languages`."""
        if languages is not None and not is_among(languages, language):
            return False
        return is_among(FLUX_LANGUAGES, language) if self._is_multi else base(language) == "en"

    @property
    def _is_multi(self) -> bool:
        return self.model != "flux-general-en"


class Flux(Listen):
    """The connection, from the 101 answer to its end."""

    def __init__(
        self,
        now: float,
        *,
        provider: str = "deepgram.listen",
        keep_alive: float = KEEP_ALIVE_EVERY,
        most_fill: float = MOST_FILL,
    ) -> None:
        super().__init__(now, provider=provider, keep_alive=keep_alive)
        self._clock = StreamClock()
        self._held = bytearray()
        """Audio that waits for the rest of its message."""
        self._looked = self._last_audio = now
        self._most_fill = most_fill
        self._filling = False
        """The caller has no audio, and silence is sent instead."""
        self._turn = -1
        """The newest turn that ended."""
        self._newest: Result | None = None
        """What was said last of the open turn."""
        self._times: TurnTimes | None = None

    @property
    def deadline(self) -> float | None:
        """See `Listen`."""
        if self.closing or self.over or self._end is not None:
            return None
        if self._filling and self.open:
            return self._looked + SILENCE_STEP
        return max(self._looked, self._last_audio) + FILL_AFTER

    @property
    def open(self) -> bool:
        """A turn has words and no end."""
        return self._newest is not None and bool(self._newest.text)

    def audio(self, pcm: bytes, now: float) -> None:
        """See `Listen`."""
        if self.closing:
            raise RuntimeError("audio after close")
        if not pcm:
            return
        self.frames_sent += 1
        self.bytes_sent += len(pcm)
        self._last_audio = now
        self._filling = False
        self._held += pcm
        if len(self._held) >= MESSAGE:
            self._flush(now)

    def finalize(self, now: float) -> None:
        """There is none: turns end by themselves."""

    def close(self, now: float) -> None:
        """Ask for the end. Idempotent."""
        if not self.closing:
            self._flush(now)
        super().close(now)

    def tick(self, now: float) -> None:
        """Let time pass; harmless when early."""
        if self.deadline is None or now < self.deadline:
            return
        self._looked = now
        self._flush(now)
        self._filling = self.open and now - self._last_audio < self._most_fill
        if self._filling:
            self._fill(SILENCE_STEP, now)
        elif now - self._last_sent >= self._keep_alive:
            self._fill(FRAME_SECONDS, now)

    def closed(self, code: int | None, reason: str, now: float) -> None:
        """See `Listen`. After CloseStream, what was said last of the open turn is final."""
        if self._end is None and self.closing and code in _GOOD and self.open:
            self._finish(self._newest, now)
        super().closed(code, reason, now)

    def failure(self) -> ProviderError | None:
        """See `Listen`; a close without a code, too, is the end that was asked for."""
        if self.closing and self._end is not None and self._end[0] in _GOOD:
            return None
        return super().failure()

    def _flush(self, now: float) -> None:
        if self._held:
            self._out.append(bytes(self._held))
            self._clock.audio(len(self._held) // 2)
            self._last_sent = now
            self._held.clear()

    def _fill(self, seconds: float, now: float) -> None:
        samples = round(seconds * RATE)
        self._out.append(bytes(2 * samples))
        self._clock.fill(samples)
        self.silence_sent = self._clock.filled
        self._last_sent = now

    # --- What comes ---

    def _take(self, kind: str, value: dict[str, object], now: float) -> None:
        match kind:
            case "TurnInfo":
                self._turn_info(value, now)
            case "Connected":
                pass  # Audio may go out at once; it waits in the server.
            case _:
                self._take_common(kind, value)

    def _turn_info(self, value: dict[str, object], now: float) -> None:
        turn = value["turn_index"]
        if isinstance(turn, bool) or not isinstance(turn, int):
            raise TypeError("turn_index")
        event = value["event"]
        if turn <= self._turn or event not in _EVENTS:
            self._skip(f"TurnInfo {event}" if event not in _EVENTS else "TurnInfo of an ended turn")
            return
        result = self._turn_result(value, now)
        if event == "EndOfTurn":
            self._turn = turn
            self._finish(result, now)
        else:
            self._newest = result
            self._events.append(result)
            if self._filling:
                self._events.append(StillHeard(now))

    def _finish(self, result: Result | None, now: float) -> None:
        assert result is not None
        self._newest = self._times = None
        self._events.append(replace(result, final=True, speech_final=True, received=now))

    def _turn_result(self, value: dict[str, object], now: float) -> Result:
        start = self._samples(seconds_of(value["audio_window_start"]))
        end = max(start, self._samples(seconds_of(value["audio_window_end"])))
        text = value["transcript"]
        if not isinstance(text, str):
            raise TypeError("transcript")
        if len(text) > LONGEST_TEXT:
            raise ValueError("transcript")
        if self._times is None:
            self._times = TurnTimes(start)
        listed = value.get("words")
        words = self._words_of(listed if isinstance(listed, list) else [], end)
        return Result(start, end, text, words, final=False, received=now, provider=self.provider)

    def _words_of(self, listed: list[object], end: int) -> tuple[Word, ...]:
        assert self._times is not None
        said = []
        for item in listed[:MOST_WORDS_OF_RESULT]:
            if isinstance(item, dict) and isinstance(item.get("word"), str):
                said.append(item)
            else:
                self.malformed += 1
        self._times.see(len(said), end)
        return tuple(
            Word(item["word"], *self._span(item, span), _confidence(item))
            for item, span in zip(said, self._times.spans(), strict=True)
        )

    def _span(self, item: dict[str, object], came: tuple[int, int]) -> tuple[int, int]:
        try:
            start, end = seconds_of(item["start"]), seconds_of(item["end"])
        except (KeyError, TypeError, ValueError):
            return came
        first = self._samples(start)
        return first, max(first, self._samples(end))

    def _samples(self, seconds: float) -> int:
        return self._clock.own(round(seconds * RATE))


def _confidence(item: dict[str, object]) -> float:
    value = item.get("confidence", 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 1.0
    return float(value)


_GOOD = (1000, 1005)
"""Codes of an end that was asked for; 1005 stands for none."""
_EVENTS = ("Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn")
