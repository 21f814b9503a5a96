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
