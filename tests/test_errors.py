import pytest

from translink import errors
from translink.errors import Kind, ProviderError, kind_of_close, kind_of_status


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (Kind.DENIED, [401, 402, 403, 456]),
        (Kind.BUSY, [429, 529]),
        (Kind.TRANSIENT, [408, 409, 500, 502, 503, 504, 599]),
        (Kind.REFUSED, [400, 404, 413, 414, 415, 422]),
    ],
)
def test_a_status_has_its_class(kind: Kind, statuses: list[int]) -> None:
    assert {kind_of_status(status) for status in statuses} == {kind}


@pytest.mark.parametrize("code", ["insufficient_quota", "quota_exceeded"])
def test_busy_for_ever_is_denied(code: str) -> None:
    assert kind_of_status(429, code) is Kind.DENIED
    assert kind_of_status(429, "rate_limit_exceeded") is Kind.BUSY


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011, 1012, 1013, 4000])
def test_a_broken_connection_may_be_made_again(code: int | None) -> None:
    assert kind_of_close(code) is Kind.TRANSIENT


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009])
def test_a_connection_closed_for_what_we_sent_is_not_made_again(code: int) -> None:
    assert kind_of_close(code) is Kind.REFUSED


def test_an_error_says_only_its_message() -> None:
    error = ProviderError("no answer", provider="deepl", kind=Kind.BUSY, retry_after=2.0)
    assert str(error) == "no answer"
    assert (error.provider, error.kind, error.status, error.retry_after) == (
        "deepl",
        Kind.BUSY,
        None,
        2.0,
    )


def test_a_known_secret_is_struck_out_of_whatever_a_peer_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(errors, "_concealed", ())
    errors.conceal({"s3cret-key", "s3cret-key-and-more"})
    printed = errors.printable("refused s3cret-key-and-more and s3cret-key\r\nnext")
    assert printed == "refused *** and *** next"
