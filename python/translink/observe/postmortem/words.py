"""What became of the words: lost, not translated, not spoken, left out, not understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from translink.observe.postmortem.finding import Cause, times
from translink.observe.postmortem.providers import severity_of_loss
from translink.observe.record import CallRecord

LOW_CONFIDENCE = 0.75
"""The mean below which finals are seldom right."""
MANY_UNSURE = 0.15
WORDS_TO_JUDGE_BY = 20
NO_WORDS_SECONDS = 5.0
"""Of speech without a word recognised."""


def causes_in_words(record: CallRecord) -> Iterator[Cause]:
    """By leg of the talker."""
    for leg, said in record.said.items():
        if said.lost_ms > 0:
            where = [
                f"{one.at - record.began:.1f} s"
                for one in record.incidents
                if one.leg == leg and one.type == "loss"
            ]
            yield Cause(
                severity_of_loss(said.lost_ms),
                "loss",
                "speech_lost",
                leg,
                f"{said.lost_ms / 1000:.1f} s of speech were recognised by nobody in time"
                + (f" (given up at {', '.join(where[:5])})" if where else ""),
                "name a second recogniser in `listen`; legs[].ledger_seconds says for how long sound is kept",
                {"lost_ms": said.lost_ms},
            )
        yield from _segments(record, leg)
        if said.skipped:
            yield Cause(
                "bad",
                "words",
                "skipped",
                leg,
                f"{times(said.skipped, 'segment')} of its words were left out, the other ear being too far behind",
                "raise lag.leave_out, or set it to 0; raise lag.fastest",
                {"segments": said.skipped},
            )
        line = record.lines.get(leg)
        if line is not None and not said.words and line.speech_s > NO_WORDS_SECONDS:
            yield Cause(
                "bad",
                "words",
                "no_words",
                leg,
                f"{line.speech_s:.0f} s of speech came and no word was recognised",
                "is the leg's language what is spoken there? is it music? does legs[].transport fit?",
                {"speech_s": line.speech_s},
            )
        if said.confidence is None or said.words < WORDS_TO_JUDGE_BY:
            continue
        if said.confidence < LOW_CONFIDENCE or said.unsure > MANY_UNSURE:
            yield Cause(
                "warn",
                "words",
                "unsure",
                leg,
                f"the recogniser was {100 * said.confidence:.0f} % sure of its words in the mean, and less than "
                f"half sure of {100 * said.unsure:.0f} % of them",
                "look at this leg's language, level and losses; name terms in deepgram.keyterm",
                {"confidence": said.confidence, "unsure": said.unsure},
            )


def _segments(record: CallRecord, leg: str) -> Iterator[Cause]:
    """Those that ended as text only, with the reasons."""
    for type_, state, count, sentence in (
        ("untranslated", None, record.said[leg].untranslated, "translated by nobody"),
        ("speech", "failed", record.said[leg].unspoken, "not spoken, or not to the end"),
    ):
        if not count:
            continue
        reasons = Counter(
            str(one.data.get("reason"))
            for one in record.incidents
            if one.leg == leg and one.type == type_ and state in (None, one.data.get("state"))
        )
        because = "; ".join(f"{reason} ({number})" for reason, number in reasons.most_common(3))
        yield Cause(
            "bad",
            "words",
            "untranslated" if type_ == "untranslated" else "unspoken",
            leg,
            f"{times(count, 'segment')} of its words {'was' if count == 1 else 'were'} {sentence}"
            + (f": {because}" if because else ", as the call ended or it was flushed"),
            "name a second vendor in "
            + ("`translate`" if type_ == "untranslated" else "`speak`")
            + " (docs/languages.md)"
            if because
            else "",
            {"segments": count},
        )
