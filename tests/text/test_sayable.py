"""What a voice is given of a text that people read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translink.text.sayable import SIGN_WORDS, has_words, sayable


def test_sentences_without_a_word_are_left_out() -> None:
    assert sayable("!!! One. Two.", "en") == "One. Two."
    assert sayable("…", "en") == ""
    assert sayable("One.  Two.", "en") == "One.  Two.", "or nothing is touched"


def test_letters_and_digits_of_any_script_are_words() -> None:
    assert has_words("5")
    assert has_words("你")
    assert not has_words("… ?!")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("See you! 👋🏽", "See you!"),
        ("👍", ""),
        ("👨‍👩‍👧 All of us 🇫🇷.", "All of us."),
        ("Press 1️⃣ now", "Press 1 now"),
        ("A → B ✓", "A B"),
        ("I ❤️ you. 😂😂", "I you."),
        ("It is 20 °C, and 5 ± 1 € for Ben & Co.", "It is 20 °C, and 5 ± 1 € for Ben & Co."),
    ],
)
def test_pictures_are_left_out(written: str, said: str) -> None:
    assert sayable(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("This is **very** important", "This is very important"),
        ("<speak>Hello <break time='1s'/>you</speak>", "Hello you"),
        ("# Title", "Title"),
        ("Item #5 costs 3 &lt; 4 &amp; more", "Item #5 costs 3 4 & more"),
        ("`code` and _this_ ~~not~~", "code and this not"),
        ("[our page](https://example.com/a) has it", "our page has it"),
        ("<b></b>", ""),
        ("\u200fשלום\u200e", "שלום"),
        ("Tom's 50% off – “now”!", "Tom's 50% off – “now”!"),
    ],
)
def test_markup_is_left_out(written: str, said: str) -> None:
    assert sayable(written, "en") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "Go to https://www.example.com/a/b?c=d#e.", "Go to example dot com."),
        ("fr", "Voir www.exemple.fr/page, merci", "Voir exemple point fr, merci"),
        (
            "de",
            "Auf http://user:pw@mein-haus.de:8080 ist es",
            "Auf mein Bindestrich haus Punkt de ist es",
        ),
        ("en", "It is at docs.example.org/guide", "It is at docs dot example dot org"),
        ("pl", "Na https://example.pl/x jest", "Na example.pl jest"),
        ("en", "john.smith_2@example.com", "john dot smith underscore 2 at example dot com"),
        (
            "fr",
            "Écrivez à marie-anne@exemple.fr.",
            "Écrivez à marie tiret anne arobase exemple point fr.",
        ),
        ("es", "ana_ruiz@ejemplo.es", "ana guion bajo ruiz arroba ejemplo punto es"),
        ("it", "luca@esempio.it", "luca chiocciola esempio punto it"),
        ("ja", "a@example.jp です", "a@example.jp です"),
        ("en", "We met and/or spoke, e.g. at 5 p.m.", "We met and/or spoke, e.g. at 5 p.m."),
    ],
)
def test_addresses_are_said_and_their_paths_are_not(language: str, written: str, said: str) -> None:
    assert sayable(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "Call 020 7946 0958.", "Call 0 2 0, 7 9 4 6, 0 9 5 8."),
        ("en", "It is (415) 555-0132", "It is 4 1 5, 5 5 5, 0 1 3 2"),
        ("en-US", "415-555-0132", "4 1 5, 5 5 5, 0 1 3 2"),
        ("en", "+442079460958 please", "plus 4 4 2, 0 7 9, 4 6 0, 9 5 8 please"),
        ("de", "Die 0171 2345678", "Die 0 1 7 1, 2 3 4, 5 6 7 8"),
        ("es", "+34 612 345 678", "más 3 4, 6 1 2, 3 4 5, 6 7 8"),
        ("it", "Lo 06 698 1234", "Lo 0 6, 6 9 8, 1 2 3 4"),
        ("pt-BR", "(11) 98765-4321", "1 1, 9 8 7, 6 5, 4 3 2 1"),
        ("nl", "020-1234567", "0 2 0, 1 2 3, 4 5 6 7"),
        ("fr", "Le 06 12 34 56 78, merci", "Le 06, 12, 34, 56, 78, merci"),
        ("fr", "Le 0612345678", "Le 06, 12, 34, 56, 78"),
        ("fr", "Le +33 6 12 34 56 78", "Le plus 33, 6, 12, 34, 56, 78"),
        ("fr-CA", "Le 514-555-0132", "Le 5 1 4, 5 5 5, 0 1 3 2"),
        ("ja", "03-1234-5678", "03-1234-5678"),
    ],
)
def test_telephone_numbers_are_said_as_people_say_them(
    language: str, written: str, said: str
) -> None:
    assert sayable(written, language) == said


@pytest.mark.parametrize(
    "written",
    [
        "1 000 000 people",
        "It costs 1,250,000.50 or $12345678",
        "On 2026-11-28, or 28.11.2026",
        "From 1985-1990 to 0.5 and 12345678",
        "Version 1.2.3456789",
        "At 10:30:00",
        "1 2 3 4 5 6 7 8",
        "In 1985 1986 1987",
    ],
)
def test_quantities_and_dates_are_no_telephone_numbers(written: str) -> None:
    assert sayable(written, "en") == written


TEMPTING = """Hello. 👍 **b** <i> https://a.example/b a@b.example +44 020 7946 0958 (415) 555-0132 1️⃣ & &amp;
    é ₹5 № [x](y) _ __a__ 06 12 34 … ?! नमस्ते\u200d ( ) - . , 0 00 www."""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(TEMPTING.split()) | st.text(max_size=6)),
    st.sampled_from([*SIGN_WORDS, "fr-CA", "hi", "ja", ""]),
)
def test_what_is_sayable_is_so_a_second_time(parts: list[str], language: str) -> None:
    said = sayable(" ".join(parts), language)
    assert sayable(said, language) == said
    assert not said or has_words(said)
