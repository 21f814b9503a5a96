"""`translink recording`: a call that was recorded under a key is heard again with it, and not without."""

from __future__ import annotations

import stat
import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from translink.cli import commands
from translink.errors import TranslinkError
from translink.recording.cipher import SUFFIX, SealError, read_key
from translink.recording.file import RecordedFile, SoundFile
from translink.recording.reader import RecordingError, read_recording
from translink.recording.stereo import woven
from translink.recording.store import Store
from translink.recording.transcript import TRANSCRIPT_NAME
from translink.settings.recording import RecordingSettings

LEFT, RIGHT = bytes([1, 0] * 40_000), bytes([2, 0] * 40_000)
TEXT = b"""{"v": 1, "version": "x", "call": "c1", "began": 1.0, "seconds": 2.5, "legs":
[{"leg": "one", "language": "en", "file": "one.wav.sealed"}], "notices": [], "lines": [],
"dropped_lines": 0, "problem": ""}"""


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["recording", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, Path]:
    """A recording's folder, and its key."""
    key = tmp_path / "key"
    assert run("key", key)[0] == 0
    secret = read_key(key)
    store = Store(RecordingSettings(folder=tmp_path / "all"))
    place, _ = store.make("20231114T221320Z-c1")
    sound = SoundFile(store, place / "one.wav", secret)
    sound.write(woven(LEFT, RIGHT))
    sound.close()
    text = RecordedFile(store, place / TRANSCRIPT_NAME, secret)
    text.write(TEXT)
    text.close()
    return place, key


def test_a_key_is_private_and_never_written_over(tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert run("key", key)[0] == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text()
    with pytest.raises(Exception, match="File exists"):
        run("key", key)
    assert key.read_text() == before


def test_what_is_decrypted_is_a_whole_wav_and_its_transcript(sealed: tuple[Path, Path]) -> None:
    place, key = sealed
    assert not any(bytes(100) in each.read_bytes() for each in place.iterdir())
    code, said = run("decrypt", place, "--key-file", key)
    opened = place.with_name(place.name + ".open")
    assert code == 0, said
    with wave.open(str(opened / "one.wav")) as read:
        assert read.getnframes() == 40_000
        assert read.readframes(40_000) == woven(LEFT, RIGHT)
    assert (opened / TRANSCRIPT_NAME).read_bytes() == TEXT
    assert stat.S_IMODE((opened / "one.wav").stat().st_mode) == 0o600
    for folder, secret in ((place, read_key(key)), (opened, None)):
        found = read_recording(folder, secret)
        assert (found.said["one"], found.heard["one"], found.whole) == (LEFT, RIGHT, True)


def test_a_file_whose_end_is_missing_gives_what_it_has_and_says_so(
    sealed: tuple[Path, Path],
) -> None:
    place, key = sealed
    file = place / f"one.wav{SUFFIX}"
    file.write_bytes(file.read_bytes()[:-10])
    code, said = run("decrypt", file, "--key-file", key, "--out", place.parent / "out")
    assert code == 1
    assert "its end is missing" in said
    with wave.open(str(place.parent / "out" / "one.wav")) as read:
        assert read.getnframes() == (2 * 65_536 - 44) // 4
    assert not read_recording(place, read_key(key)).whole


def test_without_the_right_key_nothing_is_read(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    place, _ = sealed
    other = tmp_path / "other"
    run("key", other)
    code, said = run("decrypt", place, "--key-file", other)
    assert code == 1
    assert "sealed with another key" in said
    with pytest.raises(SealError, match="another key"):
        read_recording(place, read_key(other))
    with pytest.raises(RecordingError, match="--key-file"):
        read_recording(place)


def test_a_recording_that_is_not_encrypted_stays_as_it_is(
    sealed: tuple[Path, Path], tmp_path: Path
) -> None:
    """Its name without the suffix is its own name: it was emptied."""
    _, key = sealed
    plain = tmp_path / "plain" / "3333.wav"
    plain.parent.mkdir()
    plain.write_bytes(LEFT)
    with pytest.raises(TranslinkError, match=r"3333\.wav: is not encrypted"):
        run("decrypt", plain, "--key-file", key, "--out", plain.parent)
    assert plain.read_bytes() == LEFT


@pytest.mark.parametrize("content", [None, b"", b"no seal", b"no seal" * 100])
def test_what_was_decrypted_once_outlives_a_second_try_that_fails(
    sealed: tuple[Path, Path], tmp_path: Path, content: bytes | None
) -> None:
    """With another key (None), or of a file that was spoilt since."""
    place, key = sealed
    assert run("decrypt", place, "--key-file", key)[0] == 0
    opened = place.with_name(place.name + ".open")
    before = {file.name: file.read_bytes() for file in opened.iterdir()}
    if content is None:
        key = tmp_path / "other"
        run("key", key)
    else:
        for file in place.iterdir():
            file.write_bytes(content)
    assert run("decrypt", place, "--key-file", key)[0] == 1
    assert {file.name: file.read_bytes() for file in opened.iterdir()} == before


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read_recording(tmp_path)
    (tmp_path / TRANSCRIPT_NAME).write_text('{"v": 2}')
    with pytest.raises(RecordingError, match="is no transcript of a recording"):
        read_recording(tmp_path / TRANSCRIPT_NAME)
