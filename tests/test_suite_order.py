"""Which test goes to which worker."""

from __future__ import annotations

from collections import OrderedDict

from tests.support.paths import ROOT
from tests.support.workers import ALONE, AT_ONCE, PARTS, QUIET, next_unit

LOUD, QUIETLY = "tests/test_serve.py#0", f"{min(QUIET)}#0"
ON_ITS_OWN = f"tests/sim/test_run.py#0{ALONE}"


def queue(*scopes: str) -> OrderedDict[str, dict[str, bool]]:
    return OrderedDict((scope, {}) for scope in scopes)


def test_what_runs_alone_comes_after_all_that_is_loud() -> None:
    assert next_unit(queue(ON_ITS_OWN, QUIETLY, LOUD), 0) == LOUD
    assert next_unit(queue(QUIETLY, ON_ITS_OWN), 0) == ON_ITS_OWN


def test_a_worker_too_many_for_them_has_what_is_quiet_or_nothing() -> None:
    assert next_unit(queue(ON_ITS_OWN, QUIETLY), AT_ONCE - 1) == ON_ITS_OWN
    assert next_unit(queue(ON_ITS_OWN, QUIETLY), AT_ONCE) == QUIETLY
    assert next_unit(queue(ON_ITS_OWN), AT_ONCE) is None


def test_what_is_quiet_runs_where_nothing_is_alone_any_more() -> None:
    assert next_unit(queue(QUIETLY), 0) == QUIETLY


def test_every_file_that_is_named_is_there() -> None:
    assert [name for name in {*PARTS, *QUIET} if not (ROOT / name).is_file()] == []
