"""How the legs sounded: nothing came, packets lost, jitter, too quiet, clipped, echo; and the machine."""

from __future__ import annotations

from collections.abc import Iterator

from translink.observe.postmortem.finding import Cause, times
from translink.observe.record import SHORT_OF_TIME, CallRecord, LineFigures

LOSS_HEARD = 0.01
LOSS_BAD = 0.05
"""Shares of RTP packets. Concealment hides the first; words suffer from the second on."""
LOW_MOS = 3.6
VERY_LOW_MOS = 2.6
"""ITU-T G.109: below the first many users are dissatisfied, below the second nearly all."""
JITTER_HIGH = 30.0
"""ms; 20 ms are a packet."""
QUIET_DB = -38.0
VERY_QUIET_DB = -46.0
LOUD_DB = -12.0
"""RMS of speech, dB below full scale. Telephony aims at -26 (ITU-T P.56, G.223's nominal level)."""
CLIPPED = 0.01
"""Share of the 20 ms with sound."""
SHORTEST_LINE = 3.0
"""Seconds of sound below which levels say little."""
REAL_DROPS = ("drops_kernel", "drops_ring", "drops_playout", "drops_events")


def causes_in_sound(record: CallRecord) -> Iterator[Cause]:
    """Leg by leg, then what concerns the machine."""
    for leg, line in record.lines.items():
        yield from _coming(record, leg, line)
        yield from _packets(leg, line)
        yield from _levels(leg, line)
        yield from _echo(record, leg, line)
        drops = {key: line.drops[key] for key in REAL_DROPS if key in line.drops}
        if drops:
            dropped = ", ".join(
                f"{key.removeprefix('drops_')} {number}" for key, number in drops.items()
            )
            yield Cause(
                "warn",
                "machine",
                "drops",
                leg,
                f"this machine dropped what it should not have: {dropped}",
                "raise net.core.rmem_max and legs[].receive_buffer for kernel, processors for the others",
                {**drops},
            )
    pressed = [
        one
        for one in record.incidents
        if one.type == "pressure" and one.data.get("level") in SHORT_OF_TIME
    ]
    if pressed:
        busiest = max(float(one.data.get("busy") or 0) for one in pressed)
        yield Cause(
            "warn",
            "machine",
            "overload",
            None,
            f"this machine was short of time {times(len(pressed), 'time')} (busy up to {100 * busiest:.0f} %)",
            "set pressure.max_calls to what it carries (docs/performance.md), or give it more processors",
            {"times": len(pressed), "busy": busiest},
        )


def _coming(record: CallRecord, leg: str, line: LineFigures) -> Iterator[Cause]:
    unheard = [
        one
        for one in record.incidents
        if one.leg == leg and one.type == "rtp" and not one.data.get("heard")
    ]
    dropped = line.drops.get("drops_rtp", 0)
    if unheard or dropped:  # the event comes once, though call follows call
        format = unheard[0].data.get("format") if unheard else None
        yield Cause(
            "bad",
            "line",
            "unheard_rtp",
            leg,
            f"RTP ({format or times(dropped, 'packet')}) came to a leg that expects headerless PCM: "
            "nothing of it was heard",
            'set legs[].transport = "rtp" or "auto"',
            {"format": format, "packets": dropped},
        )
    if not line.datagrams and record.seconds > SHORTEST_LINE:
        yield Cause(
            "bad",
            "line",
            "silent",
            leg,
            "no sound ever came",
            "does the gateway send to this leg's address, and does the firewall let it through?"
            + (
                f" {line.strangers} datagrams came from elsewhere and were dropped (legs[].source)"
                if line.strangers
                else ""
            ),
            {"strangers": line.strangers},
        )
    elif not line.speech_s and line.seconds > SHORTEST_LINE:
        muted = "; it is muted" if line.muted else ""
        yield Cause(
            "note",
            "line",
            "no_speech",
            leg,
            f"{line.seconds:.0f} s of sound came and no speech was in it{muted}",
            "" if line.muted else "did the party say nothing, or is their microphone off?",
            {"seconds": line.seconds},
        )
    if line.strangers and line.datagrams:
        yield Cause(
            "note" if line.strangers < line.datagrams / 10 else "warn",
            "line",
            "strangers",
            leg,
            f"{line.strangers} datagrams came from elsewhere and were dropped",
            "if they were the talker's, name their address in legs[].source",
            {"strangers": line.strangers},
        )
    if line.source_changes:
        yield Cause(
            "note",
            "line",
            "source_changes",
            leg,
            f"its datagrams came from another address {times(line.source_changes, 'time')} in mid-call",
            "",
            {"times": line.source_changes},
        )


def _packets(leg: str, line: LineFigures) -> Iterator[Cause]:
    refused = line.refused_packets - line.drops.get("drops_rtp", 0)  # those are `unheard_rtp`
    if refused > 0:
        yield Cause(
            "warn" if line.seconds else "bad",
            "line",
            "refused_packets",
            leg,
            f"{refused} packets had a payload that this leg does not understand",
            "set legs[].format, or legs[].transport, to what the gateway sends",
            {"packets": refused},
        )
    if not line.rtp or not line.datagrams:
        return
    share = line.lost_packets / (line.datagrams + line.lost_packets)
    if share >= LOSS_HEARD:
        yield Cause(
            "bad" if share >= LOSS_BAD else "warn",
            "line",
            "packet_loss",
            leg,
            f"{100 * share:.1f} % of the RTP packets were not there in time ({line.lost_packets}, of them "
            f"{line.late_packets} too late); {line.concealed_s:.1f} s of sound were made up",
            "look at the network between the gateway and here; what comes late is jitter, what never comes is loss",
            {"share": round(share, 4), "lost": line.lost_packets, "late": line.late_packets},
        )
    if line.mos is not None and line.mos < LOW_MOS:
        yield Cause(
            "bad" if line.mos < VERY_LOW_MOS else "warn",
            "line",
            "poor_line",
            leg,
            f"the line sounds like a MOS of {line.mos:.1f}; 4.4 is a good telephone line, below 3.6 many complain",
            "the losses above are the cause; recognisers bear less of them than people",
            {"mos": line.mos},
        )
    if line.jitter_ms > JITTER_HIGH:
        yield Cause(
            "warn",
            "line",
            "jitter",
            leg,
            f"packets came unevenly: {line.jitter_ms:.0f} ms of jitter in the mean, {line.jitter_max_ms:.0f} ms at "
            f"most; gaps were waited for {line.buffer_ms:.0f} ms",
            "look for Wi-Fi or an overloaded link on the talker's side",
            {"mean_ms": line.jitter_ms, "max_ms": line.jitter_max_ms},
        )


def _levels(leg: str, line: LineFigures) -> Iterator[Cause]:
    if line.level_db is not None and line.speech_s >= SHORTEST_LINE:
        figures = {"level_db": line.level_db, "peak_db": line.peak_db}
        if line.level_db < QUIET_DB:
            yield Cause(
                "bad" if line.level_db < VERY_QUIET_DB else "warn",
                "level",
                "too_quiet",
                leg,
                f"speech was at {line.level_db:.0f} dBFS; about -26 is right",
                "raise the gain at the telephone or the gateway (in Asterisk: VOLUME(RX))",
                figures,
            )
        elif line.level_db > LOUD_DB:
            yield Cause(
                "warn",
                "level",
                "too_loud",
                leg,
                f"speech was at {line.level_db:.0f} dBFS; about -26 is right",
                "lower the gain at the telephone or the gateway",
                figures,
            )
    if line.clipped > CLIPPED:
        yield Cause(
            "warn",
            "level",
            "clipped",
            leg,
            f"{100 * line.clipped:.0f} % of the sound reached full scale and is cut off",
            "lower the gain at the telephone or the gateway; gain added here would not mend it",
            {"share": line.clipped},
        )


def _echo(record: CallRecord, leg: str, line: LineFigures) -> Iterator[Cause]:
    finals = record.said[leg].echoed if leg in record.said else 0
    if not (finals or line.echo_frames or line.echo_lag_ms):
        return
    yield Cause(
        "warn" if finals and not line.echo_guard else "note",
        "echo",
        "echo",
        leg,
        f"its ear came back through its microphone after {line.echo_lag_ms:.0f} ms: {times(line.echo_frames, 'frame')} "
        f"and {times(finals, 'final')} were only that, and were not translated",
        ""
        if line.echo_guard
        else "switch the echo guard on for this leg (legs[].echo_guard), or have them use a headset",
        {"lag_ms": line.echo_lag_ms, "frames": line.echo_frames, "finals": finals},
    )
