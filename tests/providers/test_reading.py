"""JSON with half a pair of surrogates in it loses that letter, and not the words around it."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.providers.reading import read_json


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"a\uDC80b"', "a\ufffdb"),
        (r'"\ud83d\ude42 \ud83d"', "🙂 \ufffd"),
        (r'"\ud83d\ud83d\ude42"', "\ufffd🙂"),
        (r'"\\ud800 \ud800"', "\\ud800 \ufffd"),
        ('"\\"\\u00e9 \\udfff"', '"é \ufffd'),
    ],
)
def test_half_a_pair_is_replaced_and_all_else_stays(text: str, read: str) -> None:
    assert read_json(text) == read
    assert read_json(text.encode()) == read


@given(st.text(st.characters(), max_size=30))
def test_whatever_json_can_be_written_can_be_read(text: str) -> None:
    value = read_json(json.dumps({"words": [text]}))
    assert isinstance(value, dict)
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert value["words"][0].replace("\ufffd", "") == joined.replace("\ufffd", "")


@pytest.mark.parametrize("wrong", ["", "{", '"\\ud800', b'"\xff"', "nonsense"])
def test_what_is_no_json_is_still_refused(wrong: str | bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        read_json(wrong)
