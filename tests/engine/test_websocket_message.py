"""A client's WebSocket message through the binding; its form is tested in `rust/core`."""

from __future__ import annotations

import pytest

from translink._core import websocket_message


def test_a_message_is_its_header_the_mask_and_the_masked_payload() -> None:
    assert websocket_message(b"Hello", b"\x37\xfa\x21\x3d").hex() == "828537fa213d7f9f4d5158"


@pytest.mark.parametrize("mask", [b"", b"123", b"12345"])
def test_a_mask_has_four_bytes(mask: bytes) -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        websocket_message(b"Hello", mask)
