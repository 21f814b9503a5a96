"""A post-mortem as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from translink.errors import legible
from translink.observe.postmortem.finding import times
from translink.observe.postmortem.report import Postmortem


def lines_of(found: Postmortem) -> Iterator[str]:
    """Line by line, without line ends; what a saved record holds moves no cursor."""
    return map(legible, _lines(found))


def _lines(found: Postmortem) -> Iterator[str]:
    began = datetime.fromtimestamp(found.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    ended = f"ended: {found.reason or 'no reason given'}" if found.state == "ended" else "running"
    yield f"call {found.call}   {began}, {found.seconds:.0f} s, {' and '.join(found.languages)}, {ended}"
    lost = f"{found.lost_ms / 1000:.1f} s of speech lost" if found.lost_ms else "no speech lost"
    yield (
        f"{times(found.words, 'word')} in {times(found.segments, 'segment')}, "
        f"{found.spoken} spoken to the end; {lost}"
    )
    yield from _quality(found)
    yield from _usage(found)
    yield ""
    yield from _delay(found)
    yield from _causes(found)
    yield from _recordings(found)
    if found.incomplete:
        yield f"not looked at: {found.incomplete}"


def _quality(found: Postmortem) -> Iterator[str]:
    for leg, line in found.lines.items():
        facts = [f"{line.seconds:.0f} s of sound, {line.speech_s:.0f} s of speech"]
        if line.level_db is not None:
            facts.append(f"at {line.level_db:.0f} dBFS")
        if line.rtp and line.datagrams:
            lost = 100 * line.lost_packets / (line.datagrams + line.lost_packets)
            facts.append(f"{lost:.1f} % lost, jitter {line.jitter_ms:.0f} ms")
        if line.mos is not None:
            facts.append(f"MOS {line.mos:.1f}")
        said = found.said.get(leg)
        if said is not None and said.confidence is not None:
            facts.append(f"recogniser {100 * said.confidence:.0f} % sure")
        yield f"leg {leg}: {', '.join(facts)}"


def _usage(found: Postmortem) -> Iterator[str]:
    for provider, used in found.usage.items():
        sizes = [f"{used.seconds / 60:.1f} min"] if used.seconds else []
        sizes += [f"{used.characters} characters"] if used.characters else []
        sizes.append(times(used.requests, "request"))
        price = "" if used.cost is None else f" = {used.cost:.4f} {found.currency}"
        yield f"used {provider}: {', '.join(sizes)}{price}"
    if found.cost is not None:
        yield f"cost {found.cost:.4f} {found.currency}"


def _delay(found: Postmortem) -> Iterator[str]:
    whole = found.mouth_to_ear
    if whole is None or not found.delay:
        yield "No translation was heard, so there is no delay to explain."
        yield ""
        return
    yield (
        f"From the last sound of a segment to the first of its translation: {whole.p50_ms / 1000:.2f} s "
        f"(median), {whole.p95_ms / 1000:.2f} s (95 %), {whole.max_ms / 1000:.2f} s at most. In the mean:"
    )
    for part in found.delay:
        bar = "#" * round(30 * part.share)
        late = "" if part.p95_s is None else f"   95 %: {part.p95_s:.2f} s"
        yield f"  {part.owner:<9} {part.part:<31} {part.seconds:6.2f} s  {bar:<30}{late}"
    for slow in found.slowest:
        steps = (
            ("recognition", slow.recognition_s),
            ("translation", slow.translation_s),
            ("voice and ear", slow.voice_s),
        )
        facts = ", ".join(
            f"{name} {seconds:.2f} s" for name, seconds in steps if seconds is not None
        )
        yield (
            f"  slow: leg {slow.leg}, segment {slow.segment} at {slow.start_s:.1f} s: {slow.delay_s:.2f} s ({facts})"
        )
    yield ""


def _recordings(found: Postmortem) -> Iterator[str]:
    for each in found.recordings:
        facts = [f"{each.seconds:.0f} s of {' and '.join(each.legs)}"]
        if each.lost_ms:
            facts.append(f"{each.lost_ms / 1000:.1f} s missing")
        if each.problem:
            facts.append(each.problem)
        yield f"recording {each.name or '(none)'}: {', '.join(facts)}"


def _causes(found: Postmortem) -> Iterator[str]:
    if not found.causes:
        yield "Nothing wrong was found."
    for cause in found.causes:
        where = f"leg {cause.leg}: " if cause.leg else ""
        yield f"{cause.severity.upper():<5} {where}{cause.said}"
        if cause.advice:
            yield f"      -> {cause.advice}"
