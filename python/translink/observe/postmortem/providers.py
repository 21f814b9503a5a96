"""Which provider failed, how often, for how long and why, and what became of the call's words by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from translink.observe.postmortem.finding import Cause, Severity, times
from translink.observe.record import CallRecord, Incident

MENDS: Mapping[str, str] = {
    "denied": "look at the key and at the account's credit",
    "busy": "the account's limit of requests was reached: raise it, or set pressure.max_calls",
    "refused": "look at the model, the language and the voice in the settings",
    "shortage": "this machine lacks descriptors or memory: raise ulimit -n",
    "transient": "look at the network and at the provider's status page",
}


class Outage(NamedTuple):
    """A time in which a provider was not asked."""

    provider: str
    began: float
    seconds: float
    over: bool
    reason: str


def causes_at_providers(record: CallRecord) -> Iterator[Cause]:
    """What failed, the whole program's outages first."""
    incidents = record.incidents
    for outage in outages(incidents, record.began, record.began + record.seconds):
        until = "" if outage.over else ", and was not back when the call ended"
        yield Cause(
            "warn",
            "provider",
            "outage",
            None,
            f"{outage.provider} was out of service for {outage.seconds:.1f} s from "
            f"{_after(record, outage.began)} on{until}: {outage.reason}",
            "a second vendor in the order (docs/languages.md) serves meanwhile",
            {"provider": outage.provider, "seconds": round(outage.seconds, 1), "at": outage.began},
        )
    for one in incidents:
        if one.type == "quota":
            yield _quota(one)
    yield from _failed_requests(incidents)
    yield from _streams(record)
    yield from _fallbacks(record)


def outages(incidents: Iterable[Incident], began: float, end: float) -> list[Outage]:
    """From a breaker's opening, or `began`, until it closed, or `end`; not those that were over by `began`."""
    opened: dict[str, Incident] = {}
    found = []
    for one in incidents:
        if one.type != "breaker":
            continue
        provider, state = str(one.data.get("provider")), one.data.get("state")
        if state == "open":
            opened.setdefault(provider, one)
        elif state == "closed":
            first = opened.pop(provider, None)
            if first is not None and one.at > began:
                found.append(_outage(provider, first, began, one.at, over=True))
    found += [
        _outage(name, first, began, max(end, first.at), over=False)
        for name, first in opened.items()
    ]
    return sorted(found, key=lambda outage: outage.began)


def _quota(one: Incident) -> Cause:
    return Cause(
        "warn",
        "cost",
        "quota",
        None,
        f"{one.data.get('used')} of {one.data.get('limit')} characters of {one.data.get('provider')}'s quota were used",
        "raise the quota before it is used up: then nothing is translated there",
        {key: one.data.get(key) for key in ("provider", "used", "limit")},
    )


def _outage(provider: str, first: Incident, began: float, end: float, *, over: bool) -> Outage:
    reason = str(first.data.get("reason") or "no reason given")
    at = max(first.at, began)
    return Outage(provider, at, end - at, over, reason)


def _failed_requests(incidents: Iterable[Incident]) -> Iterator[Cause]:
    """Attempts that another one followed."""
    failed: Counter[tuple[str, str]] = Counter()
    reasons: dict[tuple[str, str], str] = {}
    for one in incidents:
        if one.type == "failover" and one.data.get("provider"):
            key = str(one.data["provider"]), str(one.data.get("kind", ""))
            failed[key] += 1
            reasons.setdefault(key, str(one.data.get("reason", "")))
    for (provider, kind), number in failed.items():
        yield Cause(
            "note" if kind == "transient" and number < 3 else "warn",
            "provider",
            "failed_requests",
            None,
            f"{provider} failed {times(number, 'time')} while this call ran, in any call: {reasons[provider, kind]}",
            MENDS.get(kind, ""),
            {"provider": provider, "kind": kind, "times": number},
        )


def _streams(record: CallRecord) -> Iterator[Cause]:
    """Connections to the recogniser that broke."""
    for leg in record.legs:
        broken = [
            one
            for one in record.incidents
            if one.leg == leg and one.type == "connection" and one.data.get("state") == "failed"
        ]
        if broken:
            replayed = record.said[leg].replayed_ms / 1000 if leg in record.said else 0.0
            kind = str(broken[0].data.get("kind", ""))
            yield Cause(
                "note" if len(broken) == 1 else "warn",
                "provider",
                "broken_streams",
                leg,
                f"the recogniser's stream broke {times(len(broken), 'time')}, first at "
                f"{_after(record, broken[0].at)}: {broken[0].data.get('reason')}; {replayed:.1f} s of sound "
                "were recognised again",
                MENDS.get(kind, ""),
                {"times": len(broken), "replayed_s": round(replayed, 1), "kind": kind},
            )


def _fallbacks(record: CallRecord) -> Iterator[Cause]:
    """Time in which a leg was recognised in pieces though it should have streamed."""
    for leg in record.legs:
        fell = [
            one
            for one in record.incidents
            if one.leg == leg and one.type == "failover" and one.data.get("to")
        ]
        if not fell:
            continue
        seconds = _seconds_in(record, leg, "prerecorded")
        yield Cause(
            "warn",
            "provider",
            "no_stream",
            leg,
            f"no stream could be had {times(len(fell), 'time')}, first at {_after(record, fell[0].at)}: "
            f"{fell[0].data.get('reason')}; it was recognised in pieces for {seconds:.1f} s, which is "
            "a few seconds slower",
            "",
            {"times": len(fell), "seconds": round(seconds, 1)},
        )


def _seconds_in(record: CallRecord, leg: str, mode: str) -> float:
    modes = [one for one in record.incidents if one.leg == leg and one.type == "mode"]
    ends = [one.at for one in modes[1:]] + [record.began + record.seconds]
    spans = zip(modes, ends, strict=True)
    return sum(max(0.0, end - one.at) for one, end in spans if one.data.get("mode") == mode)


def _after(record: CallRecord, at: float) -> str:
    """When, in seconds of the call."""
    return f"{max(0.0, at - record.began):.1f} s"


def severity_of_loss(lost_ms: float) -> Severity:
    """Any word lost is bad; less than a syllable is none."""
    return "bad" if lost_ms >= 200 else "note"
