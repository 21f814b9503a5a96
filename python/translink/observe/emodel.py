"""How good a line sounds, on the scale of telephony: the E-model, simplified. Sans-IO.

Source: ITU-T G.107 (06/2015): R = Ro - Is - Id - Ie,eff + A with all inputs but loss and delay at their
defaults, for which Ro - Is is 93.2; clause 7.5 for Ie,eff, with Ppl in percent, random loss (BurstR
= 1), A = 0; annex B for MOS. Id is the fit of Cole and Rosenbluth, "Voice over IP performance monitoring"
(ACM CCR 31(2), 2001) to the model's curve without echo. Bpl of G.711 with concealment: ITU-T G.113,
appendix I. Ie is 0 for the formats that legs have (PCM; G.722 would need G.107.1's wideband scale).

It judges the way from the talker to here. What translation adds is measured in seconds and is no
matter of this model.
"""

from __future__ import annotations

BASE_R = 93.2
ROBUSTNESS = 25.1
"""Bpl: how well losses are concealed."""
BEND_MS = 177.3
"""From here on delay disturbs a conversation."""
PACKET_MS = 20.0


def r_factor(lost: float, delay_ms: float) -> float:
    """R, from 0 to 93.2. `lost` = share of packets that were not there in time; `delay_ms` one way."""
    percent = 100 * min(max(lost, 0.0), 1.0)
    impairment = 95 * percent / (percent + ROBUSTNESS)
    delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - BEND_MS)
    return max(0.0, BASE_R - delay - impairment)


def mos_of(r: float) -> float:
    """The mean opinion score that R stands for: 1 (bad) to 4.5."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def line_mos(lost: float, buffer_ms: float) -> float:
    """Of an RTP leg. Its delay is taken to be a packet and the wait for gaps in their order: what the
    network takes itself is not known here."""
    return round(mos_of(r_factor(lost, PACKET_MS + buffer_ms)), 2)
