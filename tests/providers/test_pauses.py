from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from translink.providers.pauses import is_loud, last_pause, nearest_pause, samples_of


def sound(*parts: tuple[int, int]) -> array[int]:
    """(level, samples) after one another."""
    samples = array("h")
    for level, length in parts:
        samples.extend([level] * length)
    return samples


def test_a_click_anywhere_in_silence_is_heard_and_noise_below_hearing_is_not() -> None:
    for place in (0, 159, 160, 3200, 3299):
        samples = sound((0, 3300))
        samples[place] = -100
        assert is_loud(samples.tobytes()), place
    assert not is_loud(sound((99, 1650), (-99, 1650)).tobytes())
    assert not is_loud(b"")


def test_the_last_pause_is_where_the_last_word_ended() -> None:
    assert last_pause(sound((9000, 1600), (0, 480), (9000, 1600))) == 2080
    assert last_pause(sound((9000, 1600), (100, 480), (-9000, 1600))) == 2080


def test_a_quiet_moment_within_a_word_is_no_pause() -> None:
    assert last_pause(sound((9000, 1600), (0, 159), (9000, 1600))) == 0
    assert last_pause(sound()) == 0


def test_the_nearest_pause_may_be_before_or_after() -> None:
    samples = sound((9000, 1600), (0, 320), (9000, 3200), (0, 320), (9000, 1600))
    assert nearest_pause(samples, 2000) == 1920
    assert nearest_pause(samples, 5000) == 5440
    assert nearest_pause(samples, 1920) == 1920


def test_without_a_pause_nearby_the_place_itself_is_taken() -> None:
    assert nearest_pause(sound((9000, 16000)), 8000) == 8000
    assert nearest_pause(sound((0, 320), (9000, 16000)), 8000) == 8000


@given(st.lists(st.integers(-32768, 32767), max_size=2000), st.integers(0, 2000))
def test_a_cut_is_always_inside_the_sound(values: list[int], place: int) -> None:
    samples = samples_of(array("h", values).tobytes())
    assert 0 <= last_pause(samples) <= len(samples)
    place = min(place, len(samples))
    assert 0 <= nearest_pause(samples, place) <= len(samples)
