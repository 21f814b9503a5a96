"""How long a recogniser is waited for: from settings alone."""

from __future__ import annotations

import pytest

from tests.wiring.test_coverage import providers, settings


@pytest.mark.parametrize(
    ("deepgram", "overdue"),
    [({}, 4.5), ({"interim_results": False}, 12.0), ({"patience": 20.0}, 30.0)],
)
def test_speech_is_overdue_later_where_a_recogniser_may_take_its_time(
    deepgram: dict[str, object], overdue: float
) -> None:
    given = settings(deepgram={"api_key": "k" * 20, **deepgram})
    assert providers(given).rules().finalize.overdue == overdue


def test_flux_is_not_asked_for_finals_and_has_its_turn_to_end() -> None:
    flux = {"api_key": "k" * 20, "model": "flux-general-multi", "eot_timeout_ms": 8_000}
    finals = providers(settings(deepgram=flux)).rules().finalize
    assert (finals.early, finals.flowing) == (0.0, 0.0)
    assert finals.unanswered > 8.0
    assert finals.overdue == 30.0
    keyless = {key: value for key, value in flux.items() if key != "api_key"}
    assert providers(settings(deepgram=keyless)).rules().finalize.overdue == 30.0, (
        "the local engines have patience of their own"
    )
