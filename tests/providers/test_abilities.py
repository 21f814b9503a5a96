"""Providers that need not be asked for a language."""

from __future__ import annotations

from types import SimpleNamespace

from translink.providers.abilities import has_streams, hears, speaks, translates, unable


def test_a_provider_that_says_nothing_does_everything() -> None:
    quiet = SimpleNamespace(name="quiet")
    assert has_streams(quiet)
    assert hears(quiet, "xx")
    assert translates(quiet, "xx", "yy")
    assert speaks(quiet, "xx")
    some = SimpleNamespace(name="some", speaks=lambda language: language == "en")
    assert (speaks(some, "en"), speaks(some, "fr")) == (True, False)


def test_who_cannot_is_left_out_unless_nobody_can() -> None:
    ones = [SimpleNamespace(name="a", can=False), SimpleNamespace(name="b", can=True)]
    assert unable(ones, lambda one: bool(one.can)) == {"a"}
    assert unable(ones, lambda _: False) == set()
    assert unable([], lambda _: False) == set()
