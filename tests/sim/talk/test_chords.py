"""Words as chords: found again after the core's own stretching, and never taken for another."""

from __future__ import annotations

import random

import numpy as np
import pytest

from translink.sim.talk.chords import NUMBERS, chord, digits, find_chords
from translink.sim.talk.ear import TalkEar


def speech(seed: int, words: int) -> tuple[list[int], bytes]:
    chance = random.Random(seed)
    numbers = [chance.randrange(NUMBERS) for _ in range(words)]
    numbers = [n for place, n in enumerate(numbers) if n != numbers[place - 1]]
    pcm = b"".join(chord(n, chance.randint(2_400, 8_000)) + bytes(960) for n in numbers)
    return numbers, pcm


def shortened(pcm: bytes, factor: float, seed: int) -> bytes:
    """As stretching does it: 2.5 to 20 ms left out wherever enough is owed, faded across 10 ms."""
    chance, samples = random.Random(seed), np.frombuffer(pcm, "<i2").astype(float)
    out, at, owed = [], 0, 0.0
    new = (np.arange(160) + 0.5) / 160
    while at + 640 < len(samples):
        owed += 160 * (factor - 1)
        # Mostly whole periods, as where they fit; now and then anything.
        skip = chance.choice((160, 160, 320, chance.randint(40, 320)))
        if owed >= skip:
            here, there = samples[at : at + 160], samples[at + skip : at + skip + 160]
            out.append((1 - new) * here + new * there)
            at, owed = at + skip + 160, owed - skip
        else:
            out.append(samples[at : at + 160])
            at += 160
    out.append(samples[at:])
    return np.concatenate(out).round().astype("<i2").tobytes()


@pytest.mark.parametrize("factor", [1.0, 1.15, 1.35, 1.5])
def test_all_words_are_found_in_stretched_speech(factor: float) -> None:
    numbers, pcm = speech(1, 400)
    found = find_chords(shortened(pcm, factor, 2))
    assert [word.number for word in found] == numbers


def test_a_word_is_found_where_it_begins() -> None:
    silence = bytes(2 * 12_345)
    [word] = find_chords(silence + chord(1_234, 5_000) + silence)
    assert word.number == 1_234
    assert abs(word.start - 12_345) <= 160


def test_one_digit_misread_is_no_word() -> None:
    for number in (0, 77, 1_024, 4_095):
        written = digits(number)
        for place in range(3):
            for digit in range(16):
                other = list(written[:3])
                other[place] = digit
                high, middle, low = other
                if digit != written[place]:
                    assert digits(high << 8 | middle << 4 | low)[3] != written[3]


def test_noise_mixtures_and_plain_tones_are_no_words() -> None:
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 3_000, 160_000).astype("<i2").tobytes()
    one, two = (np.frombuffer(chord(n, 16_000), "<i2") for n in (5, 3_000))
    tone = (6_000 * np.sin(np.arange(16_000) * 0.3)).astype("<i2").tobytes()
    for sound in (noise, (one // 2 + two // 2).tobytes(), tone, bytes(32_000)):
        assert find_chords(sound) == []


def test_a_word_said_again_later_is_two_words() -> None:
    again = chord(9, 4_000) + bytes(2 * 3_200) + chord(9, 4_000)
    assert [word.number for word in find_chords(again)] == [9, 9]


def test_an_ear_dates_a_word_by_the_datagram_with_its_first_sample() -> None:
    ear, pcm = TalkEar(), bytes(640 * 4) + chord(17, 320 * 10) + bytes(640)
    for number in range(len(pcm) // 640):
        ear.datagram(pcm[number * 640 : (number + 1) * 640], at=float(number))
    ear.finish()
    assert [(word.number, word.at) for word in ear.heard] == [(17, 4.0)]
