"""Events become captions, whatever their order and whatever else they hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from translink.callers.captions import Captions, describe


def captions_of(*events: dict[str, Any]) -> Captions:
    captions = Captions(("3333", "4444"))
    for event in events:
        captions.take({"leg": "3333", "at": 1.0, **event})
    return captions


def test_an_interim_is_shown_until_its_segment_comes() -> None:
    captions = captions_of({"type": "interim", "text": "hello"})
    assert captions.sides["3333"].interim == "hello"
    captions.take({"type": "segment", "leg": "3333", "text": "Hello.", "segment": 1})
    assert captions.sides["3333"].interim == ""
    assert captions.sides["3333"].captions[0].text == "Hello."


def test_a_translation_finds_its_segment_by_number() -> None:
    captions = captions_of(
        {"type": "segment", "text": "One.", "segment": 1},
        {"type": "segment", "text": "Two.", "segment": 2},
        {"type": "translation", "text": "Deux.", "segment": 2, "ms": 80.0},
        {"type": "untranslated", "text": "One.", "segment": 1},
    )
    one, two = captions.sides["3333"].captions
    assert (one.translation, one.failed) == (None, True)
    assert (two.translation, two.failed) == ("Deux.", False)


def test_a_translation_without_a_number_belongs_to_the_oldest_that_waits() -> None:
    captions = captions_of(
        {"type": "segment", "text": "One."},
        {"type": "segment", "text": "Two."},
        {"type": "translation", "text": "Un."},
        {"type": "translation", "text": "Deux."},
    )
    assert [caption.translation for caption in captions.sides["3333"].captions] == ["Un.", "Deux."]


def test_speech_has_a_beginning_and_an_end() -> None:
    captions = captions_of({"type": "segment", "text": "One.", "segment": 1})
    caption = captions.sides["3333"].captions[0]
    started = {"type": "speech", "state": "started", "segment": 1, "ms": {"mouth_to_ear": 700.0}}
    captions.take({"leg": "3333", **started})
    assert caption.speaking
    assert caption.ms == {"mouth_to_ear": 700.0}
    captions.take({"leg": "3333", "type": "speech", "state": "finished", "segment": 1})
    assert not caption.speaking


def test_a_loss_is_counted_and_noted() -> None:
    captions = captions_of({"type": "loss", "ms": 250.0})
    assert captions.losses == 1
    assert captions.notes[-1] == "3333 loss ms 250.0"


def test_legs_of_other_calls_are_passed_over() -> None:
    captions = captions_of({"type": "segment", "text": "Hello", "leg": "5555"})
    assert not captions.sides["3333"].captions


def test_only_what_people_want_to_read_is_described() -> None:
    assert describe({"type": "interim", "leg": "3333", "text": "he"}) is None
    assert "Bonjour" in str(describe({"type": "translation", "leg": "3333", "text": "Bonjour"}))


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "leg", "text", "segment", "state", "ms", "at"]),
            st.none()
            | st.booleans()
            | st.floats(allow_nan=False)
            | st.sampled_from(["segment", "translation", "speech", "untranslated", "3333", "mode"])
            | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        )
    )
)
def test_no_event_whatever_its_shape_breaks_the_captions(events: list[dict[str, Any]]) -> None:
    captions = Captions(("3333", "4444"))
    for event in events:
        captions.take(event)
        describe(event)


def test_what_a_provider_says_drives_no_terminal() -> None:
    bad = "a\x1b[2J\x9bb\u2028c\u202ed\n"
    events: list[dict[str, Any]] = [
        {"type": "segment", "text": bad, "segment": 1},
        {"type": "translation", "text": bad, "segment": 1},
        {"type": "interim", "text": bad},
        {"type": "trouble", "reason": bad},
    ]
    captions = captions_of(*events)
    side = captions.sides["3333"]
    shown = [side.interim, side.captions[0].text, str(side.captions[0].translation)]
    shown += [*captions.notes, *(str(describe({"leg": "3333", **event})) for event in events[:2])]
    assert all(text.isprintable() and r"\x1b" in text for text in shown)
    french = "« Bonjour\u00a0! »\u202f?"
    assert captions_of({"type": "interim", "text": french}).sides["3333"].interim == french
