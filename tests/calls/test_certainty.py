"""How sure the recogniser was, as far as it tells."""

from __future__ import annotations

from translink.calls.certainty import Certainty
from translink.results import Word


def of(*confidences: float) -> Certainty:
    certainty = Certainty()
    certainty.words(Word("x", 0, 1, each) for each in confidences)
    return certainty


def test_it_is_the_mean_over_words_and_the_share_of_doubtful_ones() -> None:
    certainty = of(0.9, 0.4, 0.8, 0.9)
    assert (certainty.mean, certainty.unsure) == (0.75, 0.25)


def test_one_that_is_sure_of_everything_tells_nothing() -> None:
    assert of(1.0, 1.0).mean is None
    assert of().mean is None
    assert of().unsure == 0.0
