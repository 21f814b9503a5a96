"""Query parameters, URLs and credentials."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from translink.errors import SettingsError
from translink.providers.deepgram.options import ListenOptions, authorization, endpoint


def test_the_defaults_are_the_predecessor_s_and_what_closes_an_utterance() -> None:
    query = dict(ListenOptions().query("fr"))
    predecessor = {
        "model": "nova-3",
        "encoding": "linear16",
        "sample_rate": "16000",
        "channels": "1",
        "interim_results": "true",
        "endpointing": "300",
        "smart_format": "true",
        "language": "fr",
    }
    assert query == predecessor | {"utterance_end_ms": "1000", "vad_events": "true"}


def test_lists_repeat_flags_are_words_and_unknown_parameters_pass() -> None:
    options = ListenOptions(
        keyterm=("zéro six", "Agathe"),
        endpointing=False,
        utterance_end_ms=None,
        mip_opt_out=True,
        extra={"no_delay": "true", "custom": ("a", "b")},
    )
    query = options.query("pt_BR")
    assert ("language", "pt-BR") in query
    assert [value for name, value in query if name == "keyterm"] == ["zéro six", "Agathe"]
    assert [value for name, value in query if name == "custom"] == ["a", "b"]
    assert {"endpointing": "false", "mip_opt_out": "true", "no_delay": "true"}.items() <= dict(
        query
    ).items()
    assert "utterance_end_ms" not in dict(query)


@pytest.mark.parametrize(
    ("language", "sent"),
    [
        *[
            ("nb", "no"),
            ("nn-NO", "no"),
            ("fil", "tl"),
            ("fil_PH", "tl"),
            ("iw", "he"),
            ("in", "id"),
        ],
        *[("no", "no"), ("tl", "tl"), ("de-CH", "de-CH"), ("pt_PT", "pt-PT")],
    ],
)
def test_a_language_of_several_codes_has_the_one_that_nova_3_knows(
    language: str, sent: str
) -> None:
    options = ListenOptions()
    assert options.hears(language)
    assert dict(options.query(language))["language"] == sent
    assert dict(options.prerecorded_query(language))["language"] == sent


def test_other_models_are_asked_for_a_language_as_the_settings_name_it() -> None:
    assert dict(ListenOptions(model="custom").query("nb"))["language"] == "nb"


def test_a_prerecorded_request_leaves_out_what_only_streams_have() -> None:
    options = ListenOptions(model="nova-2", keywords=("x",), extra={"no_delay": "true", "a": "b"})
    assert options.prerecorded_query("en") == [
        ("model", "nova-2"),
        ("smart_format", "true"),
        ("keywords", "x"),
        ("a", "b"),
        ("language", "en"),
    ]


def test_an_extra_parameter_goes_before_the_field_of_its_name() -> None:
    query = ListenOptions(extra={"punctuate": "true", "model": "nova-2"}).query("en")
    assert [value for name, value in query if name == "model"] == ["nova-2"]
    assert ("punctuate", "true") in query


def test_utterance_end_is_not_asked_for_without_interims() -> None:
    query = dict(ListenOptions(interim_results=False).query("en"))
    assert query["interim_results"] == "false"
    assert "utterance_end_ms" not in query


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"encoding": "mulaw"}, "encoding"),
        ({"sample_rate": 8000}, "sample_rate"),
        ({"channels": 2}, "channels"),
        ({"model": ""}, "model"),
        ({"endpointing": -1}, "endpointing"),
        ({"utterance_end_ms": 500}, "utterance_end_ms"),
        ({"extra": {"sample_rate": "8000"}}, "extra"),
        ({"extra": {"language": "x"}}, "extra"),
    ],
)
def test_what_cannot_work_is_refused_by_name(wrong: dict[str, object], name: str) -> None:
    with pytest.raises(SettingsError, match=rf"deepgram\.{name}"):
        ListenOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base", "websocket", "url"),
    [
        ("https://api.deepgram.com", True, "wss://api.deepgram.com/v1/listen"),
        ("https://api.eu.deepgram.com/", False, "https://api.eu.deepgram.com/v1/listen"),
        ("http://127.0.0.1:8080", True, "ws://127.0.0.1:8080/v1/listen"),
        ("http://[::1]:8080/dg/", True, "ws://[::1]:8080/dg/v1/listen"),
        ("wss://self.hosted", True, "wss://self.hosted/v1/listen"),
        ("ws://self.hosted", False, "http://self.hosted/v1/listen"),
    ],
)
def test_the_scheme_is_derived_from_the_base_url(base: str, websocket: bool, url: str) -> None:
    assert endpoint(base, "/v1/listen", websocket=websocket) == url


def test_a_query_is_encoded() -> None:
    url = endpoint("http://h", "/v1/listen", ListenOptions(keyterm=("zéro & six",)).query("fr"))
    assert dict(parse_qsl(urlsplit(url).query))["keyterm"] == "zéro & six"


@pytest.mark.parametrize(
    "base",
    [
        "",
        "api.deepgram.com",
        "ftp://h",
        "http://",
        "http://user:pw@h",
        "http://h?x=y",
        "http://h:x",
    ],
)
def test_a_base_url_that_is_none_is_refused_without_its_secrets(base: str) -> None:
    with pytest.raises(SettingsError, match=r"deepgram\.base_url") as caught:
        endpoint(base, "/v1/listen")
    assert "pw" not in str(caught.value)


def test_credentials() -> None:
    assert authorization(" key ", "Token") == {"Authorization": "Token key"}
    assert authorization("a.b.c", "Bearer") == {"Authorization": "Bearer a.b.c"}
    assert authorization("", "Token") == {}
    for wrong in ("top secret", "top\r\nsecret", "sécret"):
        with pytest.raises(SettingsError) as caught:
            authorization(wrong, "Token")
        assert "cret" not in str(caught.value)


def test_a_leg_s_key_terms_go_with_those_of_all_and_to_no_model_that_has_none() -> None:
    options = ListenOptions(keyterm=("Agathe",))
    for query in (
        options.query("fr", ("Zoé", "Agathe")),
        options.prerecorded_query("fr", ("Zoé",)),
    ):
        assert [value for name, value in query if name == "keyterm"] == ["Agathe", "Zoé"]
    assert "keyterm" not in dict(ListenOptions(model="nova-2").query("fr", ("Zoé",)))
    older = ListenOptions(model="nova-2", keyterm=("Agathe",))
    assert "keyterm" not in dict(older.query("fr"))
    assert "keyterm" not in dict(older.prerecorded_query("fr"))
