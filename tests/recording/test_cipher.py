"""What is sealed opens with its key alone, and nothing can be changed, moved or left out unseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from translink.errors import SettingsError
from translink.recording import cipher
from translink.recording.cipher import (
    CHUNK_BYTES,
    HEADER,
    KEY_BYTES,
    TAG_BYTES,
    CutOffError,
    Opener,
    Sealer,
    SealError,
    new_key,
    open_file,
    read_key,
)

KEY = bytes(range(KEY_BYTES))


def sealed(plain: bytes, piece: int = 10_000) -> bytes:
    sealer = Sealer(KEY)
    parts = [sealer.push(plain[at : at + piece]) for at in range(0, len(plain), piece)]
    return b"".join(parts) + sealer.finish()


def opened(data: bytes, key: bytes = KEY) -> bytes:
    opener = Opener(key)
    parts = [opener.push(data[at : at + 7_777]) for at in range(0, len(data), 7_777)]
    return b"".join(parts) + opener.finish()


@pytest.mark.parametrize(
    "size",
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5],
)
def test_it_comes_back_byte_for_byte(size: int) -> None:
    plain = os.urandom(size)
    data = sealed(plain)
    assert len(data) == HEADER + size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))
    assert opened(data) == plain


def test_the_same_file_twice_has_nothing_in_common() -> None:
    one, two = sealed(bytes(1_000)), sealed(bytes(1_000))
    assert one[-1_000:] != two[-1_000:]


def test_another_key_is_named_as_such() -> None:
    with pytest.raises(SealError, match="another key"):
        opened(sealed(b"words"), bytes(KEY_BYTES))


@pytest.mark.parametrize("at", [30, HEADER + 5, HEADER + CHUNK_BYTES + TAG_BYTES + 9, -1])
def test_a_changed_bit_is_seen(at: int) -> None:
    data = bytearray(sealed(bytes(2 * CHUNK_BYTES)))
    data[at] ^= 1
    with pytest.raises(SealError):
        opened(bytes(data))


def test_chunks_cannot_change_places_and_none_can_be_left_out() -> None:
    data = sealed(os.urandom(3 * CHUNK_BYTES))
    size = CHUNK_BYTES + TAG_BYTES
    header, chunks = data[:HEADER], [data[HEADER + n * size :][:size] for n in range(3)]
    for order in ((1, 0, 2), (0, 2), (1, 2), (0, 1, 2, 2)):
        with pytest.raises(SealError):
            opened(header + b"".join(chunks[n] for n in order))


@pytest.mark.parametrize(
    "left", [2 * (CHUNK_BYTES + TAG_BYTES), 2 * (CHUNK_BYTES + TAG_BYTES) + 100]
)
def test_of_a_file_that_was_cut_off_the_whole_chunks_are_had(tmp_path: Path, left: int) -> None:
    plain = os.urandom(3 * CHUNK_BYTES + 10)
    path = tmp_path / "cut"
    path.write_bytes(sealed(plain)[: HEADER + left])
    found, whole = open_file(path, KEY)
    assert not whole
    assert found in (plain[:CHUNK_BYTES], plain[: 2 * CHUNK_BYTES])
    with pytest.raises(CutOffError):
        opened(path.read_bytes())


def test_other_files_are_no_recordings() -> None:
    for data in (b"", b"RIFF", b"RIFF" * 100):
        with pytest.raises(SealError, match="no sealed recording"):
            opened(data)


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "ab" * 31, "é"])
def test_a_file_without_a_key_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(SettingsError, match="holds no key") as refused:
        read_key(path)
    assert not text or text not in str(refused.value).replace(str(path), "")


def test_where_nothing_can_open_a_recording_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--key-file` is no setting, which would have been looked at."""
    path = tmp_path / "key"
    path.write_text(new_key())
    monkeypatch.setattr(cipher, "is_installed", lambda _: False)
    with pytest.raises(SettingsError, match=r"needs the extra: pip install 'translink\[record\]'"):
        read_key(path)


def test_a_made_key_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(new_key() + "\n")
    assert len(read_key(path)) == KEY_BYTES
    with pytest.raises(SettingsError, match="cannot be read"):
        read_key(tmp_path / "none")
