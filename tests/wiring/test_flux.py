"""Flux by setting: who streams what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.wiring.test_coverage import KEY, providers, settings
from translink.providers.abilities import hears
from translink.settings.services import DeepgramSettings

FLUX = {"api_key": "k" * 20, "model": "flux-general-multi", "keyterm": ["Smythe"]}


def test_flux_streams_and_nova_does_what_flux_cannot() -> None:
    made = providers(settings(deepgram=FLUX))
    live = made.live()
    assert [hears(live, language) for language in ("fr", "pl", "ar")] == [True, True, False]
    (pieces,) = made.transcribers()
    assert [hears(pieces, language) for language in ("fr", "pl", "ar")] == [True, True, False]
    assert made._options().model == "nova-3"
    flux = made._flux("deepgram")
    assert flux is not None
    assert (flux.model, flux.keyterm) == ("flux-general-multi", ("Smythe",))
    assert made._flux("offline") is None


def test_an_opt_out_holds_for_every_service_of_deepgrams() -> None:
    every = {"mip_opt_out": "true", "tag": "hotel"}
    extra = {**every, "punctuate": "true"}
    deepgram: dict[str, object] = {**FLUX, "extra": extra}
    made = providers(settings(deepgram=deepgram, fallback={"deepgram": [{"api_key": KEY}]}))
    flux = made._flux("deepgram")
    assert flux is not None
    assert dict(flux.query("fr")).items() >= every.items()
    assert "punctuate" not in dict(flux.query("fr")), "Flux refuses what is nova's"
    options = made._options()
    assert dict(options.query("pl")).items() >= extra.items()
    assert dict(options.prerecorded_query("pl")).items() >= extra.items()
    voices: list[Any] = [*made.voices(None)]
    assert [dict(one._extra) for one in voices] == [every, every]


def test_the_local_engines_are_asked_as_ever() -> None:
    keyless = {key: value for key, value in FLUX.items() if key != "api_key"}
    assert providers(settings(deepgram=keyless))._flux("deepgram") is None


def test_nova_is_the_default() -> None:
    assert not DeepgramSettings().is_flux
    assert providers(settings(deepgram={"api_key": "k" * 20}))._flux("deepgram") is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"eot_threshold": 0.8}, "eot_threshold: is for Flux only, and model is nova-3"),
        ({"model": "flux-general-en", "pieces_model": "flux-general-en"}, "no finished pieces"),
        ({"model": "flux-general-en", "eager_eot_threshold": 0.8}, "must not be above"),
        ({"model": "nova-2", "keyterm": "Zoé"}, "keyterm: is for nova-3 and Flux only"),
        ({"keyterm": [f"Schmidt {n}" for n in range(120)]}, "keyterm\n.*Deepgram takes 500"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DeepgramSettings.model_validate(given)


def test_a_leg_may_have_terms_of_its_own() -> None:
    DeepgramSettings(model="flux-general-en").refuse_terms(("Nguyen",))
    with pytest.raises(ValueError, match="nova-3 and Flux only"):
        DeepgramSettings(model="nova-2").refuse_terms(("Nguyen",))
