"""One live `/v1/listen` connection as a state machine: no I/O, no clock, no task.

Theory of operation
    The driver tells what happens (`audio`, `finalize`, `close`, `receive`, `tick`, `closed`) and
    with every call the time; it then writes what `to_send` returns, in order, hands on what
    `events` returns, and calls `tick` at `deadline`.

    Three habits of the wire shape it. Deepgram closes a connection on which nothing came for 10 s,
    so KeepAlive goes out after `keep_alive` seconds without audio, as text (binary would be decoded
    as sound). KeepAlive alone may not hold a connection that never carried sound, so the first one
    is preceded by one frame of silence; the server counts it in its times, we take it out again.
    And `Metadata` means that the connection is over, whatever the close code that follows: what is
    sent after it would be lost.

    Times on the wire are seconds of audio sent on that connection (float32 printed as decimals).
    Here they are samples, rounded, counting only the audio that the caller gave: silence sent to
    keep a connection open is subtracted. They restart at 0 with every connection.

Nothing a server says can raise: what cannot be read is counted and skipped.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from translink.errors import Kind, ProviderError, kind_of_close, printable
from translink.log import RateLimit
from translink.providers.reading import read_json
from translink.results import (
    RATE,
    SILENT_FRAME,
    Result,
    SpeechStarted,
    StreamEvent,
    StreamMetadata,
    UtteranceEnd,
    Word,
)

KEEP_ALIVE_EVERY = 4.0
"""Seconds without audio before a KeepAlive; Deepgram advises 3-5 and hangs up after 10."""

LONGEST_TEXT = 20_000
"""Characters of one result; a minute of the fastest speech has 2,000. A longer one is damage: it is
skipped, and its audio recognised again."""
MOST_WORDS_OF_RESULT = 5_000
"""Words of one result; those beyond are passed over."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TermsAnswer:
    """Whether a Configure took effect."""

    refusal: str | None
    """None: it did."""


class Listen:
    """The connection, from the 101 answer to its end."""

    def __init__(
        self, now: float, *, provider: str = "deepgram.listen", keep_alive: float = KEEP_ALIVE_EVERY
    ) -> None:
        self.provider = provider
        self.request_id: str | None = None
        """What the server calls this connection, where it has said so."""
        self._keep_alive = keep_alive
        self._limit = RateLimit()
        self._last_sent = now
        self._out: list[bytes | str] = []
        self._events: list[StreamEvent | TermsAnswer] = []
        self._end: tuple[int | None, str] | None = None
        self._complaint = ""
        self._unknown_types: set[str] = set()
        self.frames_sent = 0
        """Binary messages of the caller's audio."""
        self.bytes_sent = 0
        self.silence_sent = 0
        """Samples of silence sent to hold the connection; subtracted from every time that is
        reported."""
        self.closing = False
        """CloseStream was asked for; more audio is refused."""
        self.over = False
        """Metadata came: the server has said all it will say."""
        self.unknown = 0
        """Messages of a type this code does not know, skipped."""
        self.malformed = 0
        """Messages, or words in them, that could not be read, skipped."""
        self.complaints = 0
        """Messages of type Error or Warning."""

    @property
    def deadline(self) -> float | None:
        """When `tick` is due; None: never (again)."""
        if self.closing or self.over or self._end is not None:
            return None
        return self._last_sent + self._keep_alive

    def audio(self, pcm: bytes, now: float) -> None:
        """Queue 16 kHz s16le mono. Nothing is queued for empty `pcm`: an empty frame would end the
        stream.

        Raises:
            RuntimeError: after `close`.
        """
        if self.closing:
            raise RuntimeError("audio after close")
        if pcm:
            self._out.append(pcm)
            self._last_sent = now
            self.frames_sent += 1
            self.bytes_sent += len(pcm)

    def finalize(self, now: float) -> None:
        """Ask for results of all audio queued so far. An answer is likely, not certain."""
        if not self.closing:
            self._out.append(_FINALIZE)
            self._last_sent = now

    def configure(self, keyterms: Sequence[str], now: float) -> None:
        """Have the connection expect these terms instead of all before. It is answered exactly once,
        by a `TermsAnswer`."""
        if not self.closing:
            message = {"type": "Configure", "keyterms": list(keyterms)}
            self._out.append(orjson.dumps(message).decode())
            self._last_sent = now

    def close(self, now: float) -> None:
        """Ask for the rest and the end: Results, Metadata, close 1000. Idempotent."""
        if not self.closing:
            self.closing = True
            self._out.append(_CLOSE_STREAM)
            self._last_sent = now

    def tick(self, now: float) -> None:
        """Let time pass; harmless when early."""
        if self.deadline is None or now < self.deadline:
            return
        if not self.bytes_sent and not self.silence_sent:
            self._out.append(SILENT_FRAME)  # it has carried no sound yet
            self.silence_sent = len(SILENT_FRAME) // 2
        self._out.append(_KEEP_ALIVE_MESSAGE)
        self._last_sent = now

    def receive(self, message: str | bytes, now: float) -> None:
        """Take one message of the server."""
        before = self.malformed
        self._receive(message, now)
        if self.malformed > before and (unlogged := self._limit.due("malformed", now)) is not None:
            _log.warning(
                "%s sent what cannot be read (%d bytes), skipped: %d so far, %d not in the log",
                self.provider,
                len(message),
                self.malformed,
                unlogged,
            )

    def _receive(self, message: str | bytes, now: float) -> None:
        try:
            value = read_json(message)
        except orjson.JSONDecodeError:
            self.malformed += 1
            return
        kind = value.get("type") if isinstance(value, dict) else None
        try:
            if isinstance(value, dict) and isinstance(kind, str):
                self._take(kind, value, now)
            else:
                self.malformed += 1
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
            self.malformed += 1

    def _take(self, kind: str, value: dict[str, object], now: float) -> None:
        """One message of type `kind`. What it raises of a wrong value counts as malformed."""
        match kind:
            case "Results":
                self._events.append(self._result(value, now))
            case "UtteranceEnd":
                end = seconds_of(value["last_word_end"])
                last = None if end < 0 else self._samples(end)
                self._events.append(UtteranceEnd(last, now))
            case "SpeechStarted":
                at = self._samples(seconds_of(value["timestamp"]))
                self._events.append(SpeechStarted(at, now))
            case "Metadata":
                self.over = True
                duration = seconds_of(value.get("duration", 0.0))
                request_id = printable(str(value.get("request_id", "")))
                self._events.append(StreamMetadata(request_id, duration))
            case _:
                self._take_common(kind, value)

    def _take_common(self, kind: str, value: dict[str, object]) -> None:
        """One that every recogniser of Deepgram's has, or none."""
        match kind:
            case "ConfigureSuccess" | "ConfigureFailure":
                self._complaint = ""  # an Error before it was about the terms
                failed = kind == "ConfigureFailure"
                self._events.append(TermsAnswer((_reason(value) or "refused") if failed else None))
            case "Error" | "Warning":
                self._complain(value)
            case _:
                self._skip(kind)

    def closed(self, code: int | None, reason: str, now: float) -> None:
        """The connection is gone. `code` is what the *server* sent in its close frame; None: it
        sent none.

        `reason` may then say what was noticed here. The first call counts.
        """
        if self._end is None:
            self._end = (code, reason)
            self._out.clear()

    def to_send(self) -> list[bytes | str]:
        """What to write now, in order: bytes as binary, str as text messages."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[StreamEvent | TermsAnswer]:
        """What was learned since the last call, in order."""
        events, self._events = self._events, []
        return events

    def failure(self) -> ProviderError | None:
        """Why the connection failed; None while it lasts, and after an end that was asked for and
        complete.

        An end nobody asked for is a failure even with code 1000: there is speech to recognise and
        nobody listens.
        """
        if self._end is None:
            if self.over and not self.closing:
                return self._failure(None, "the server ended the stream")
            return None
        code, reason = self._end
        if self.closing and (self.over or code == 1000):
            return None
        return self._failure(code, reason)

    def _failure(self, code: int | None, reason: str) -> ProviderError:
        token = _REASON_CODE.search(f"{reason} {self._complaint}")
        name = f"{token[1].upper()}-{token[2]}" if token else ""
        kind = Kind.REFUSED if name == "DATA-0000" else kind_of_close(code)
        parts = [name or printable(reason), printable(self._complaint)]
        words = "; ".join(part for part in parts if part)
        message = f"{self.provider} closed" + (f" with {code}" if code else "")
        return ProviderError(
            message + (f": {words}" if words else ""),
            provider=self.provider,
            kind=kind,
            status=code,
            request_id=self.request_id,
        )

    def _result(self, value: dict[str, object], now: float) -> Result:
        start = seconds_of(value["start"])
        end = start + max(0.0, seconds_of(value["duration"]))
        channel = value["channel"]
        alternatives = channel["alternatives"] if isinstance(channel, dict) else None
        if not isinstance(alternatives, list):
            raise TypeError("alternatives")
        best = alternatives[0] if alternatives else {}
        text = best.get("transcript", "")
        if not isinstance(text, str):
            raise TypeError("transcript")
        if len(text) > LONGEST_TEXT:
            raise ValueError("transcript")
        final = value.get("is_final") is True
        return Result(
            start=self._samples(start),
            end=self._samples(end),
            text=text,
            words=self._words(best.get("words")),
            final=final,
            # Documented: speech_final implies is_final. A message that breaks the rule may still be
            # revised.
            speech_final=final and value.get("speech_final") is True,
            from_finalize=value.get("from_finalize") is True,
            received=now,
            provider=self.provider,
        )

    def _words(self, listed: object) -> tuple[Word, ...]:
        if not isinstance(listed, list):
            return ()
        words, bad = words_of(listed, -self.silence_sent)
        self.malformed += bad
        return words

    def _samples(self, seconds: float) -> int:
        return max(0, round(seconds * RATE) - self.silence_sent)

    def _complain(self, value: dict[str, object]) -> None:
        self.complaints += 1
        text = _reason(value)
        if value["type"] == "Error":
            self._complaint = text
        _log.warning("%s says: %s", self.provider, text)

    def _skip(self, kind: str) -> None:
        self.unknown += 1
        if kind not in self._unknown_types and len(self._unknown_types) < 16:
            self._unknown_types.add(kind)
            _log.info(
                "%s sent a message of unknown type %s, skipped", self.provider, printable(kind)
            )


def _reason(value: dict[str, object]) -> str:
    said = (value.get(name) for name in ("variant", "code", "description", "message"))
    return printable(": ".join(part for part in said if isinstance(part, str) and part))


def words_of(listed: list[object], offset: int = 0) -> tuple[tuple[Word, ...], int]:
    """Deepgram's words in samples, shifted by `offset`, and how many of them could not be read."""
    words = []
    bad = max(0, len(listed) - MOST_WORDS_OF_RESULT)
    for item in listed[:MOST_WORDS_OF_RESULT]:
        try:
            if not isinstance(item, dict):
                raise TypeError("word")
            text = item.get("punctuated_word") or item["word"]
            if not isinstance(text, str):
                raise TypeError("word")
            start = max(0, round(seconds_of(item["start"]) * RATE) + offset)
            end = max(start, round(seconds_of(item["end"]) * RATE) + offset)
            words.append(Word(text, start, end, seconds_of(item.get("confidence", 1.0))))
        except (KeyError, TypeError, ValueError, OverflowError):
            bad += 1
    return tuple(words), bad


def seconds_of(value: object) -> float:
    """A number that may be one of seconds. Raises `TypeError` or `ValueError` for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("number")
    if not math.isfinite(value) or value > _LONGEST_SAID:
        raise ValueError("number")
    return float(value)


_KEEP_ALIVE_MESSAGE = '{"type":"KeepAlive"}'
_FINALIZE = '{"type":"Finalize"}'
_CLOSE_STREAM = '{"type":"CloseStream"}'
_REASON_CODE = re.compile(r"\b(net|data)-?(\d{4})\b", re.IGNORECASE)
"""On the wire the reason is prose that ends in `https://dpgr.am/net0001`; the documents call it
NET-0001."""
_LONGEST_SAID = 1e7
"""No stream lasts 115 days: a greater time is damage."""
