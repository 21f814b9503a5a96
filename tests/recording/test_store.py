"""The folder of recordings: private, bounded, and swept of what is old and of nothing else."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from translink.errors import SettingsError
from translink.recording.cipher import KEY_BYTES
from translink.recording.file import SoundFile
from translink.recording.store import Store, recording_name
from translink.settings.recording import RecordingSettings


def store_in(folder: Path, **settings: object) -> Store:
    return Store(RecordingSettings.model_validate({"folder": folder, "keep_free": 0, **settings}))


def swept(store: Store, now: float, running: Collection[str] = ()) -> list[str]:
    """What a whole sweep deletes."""
    return [name for name in store.sweep(now, running) if name]


def measure(store: Store, now: float) -> None:
    assert not any(store.measure(now)), "it deletes nothing"


def test_names_tell_when_and_which_call_and_are_safe() -> None:
    assert recording_name(1_700_000_000.9, "3333-7") == "20231114T221320Z-3333-7"
    assert recording_name(0, "../../etc/x y") == "19700101T000000Z-.._.._etc_x_y"


def test_nobody_else_reads_what_is_made(tmp_path: Path) -> None:
    store = store_in(tmp_path / "deep" / "recordings")
    place, _ = store.make("20231114T221320Z-a")
    file = SoundFile(store, place / "1.wav", None)
    file.write(bytes(4_000))
    file.close()
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (store.folder, place, place / "1.wav")]
    assert modes == [0o700, 0o700, 0o600]
    assert not store.exposed


@pytest.mark.parametrize("key", [None, bytes(KEY_BYTES)], ids=["plain", "sealed"])
def test_a_disk_that_takes_no_first_byte_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: bytes | None
) -> None:
    store = store_in(tmp_path)
    made: list[int] = []

    def full(path: Path) -> int:
        made.append(os.open("/dev/full", os.O_RDWR | os.O_CLOEXEC))
        return made[-1]

    monkeypatch.setattr(store, "create", full)
    with pytest.raises(OSError, match="No space left"):
        SoundFile(store, tmp_path / "1.wav", key)
    (descriptor,) = made
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert [store.make("20231114T221320Z-a")[1] for _ in range(2)] == [
        "20231114T221320Z-a",
        "20231114T221320Z-a.2",
    ]


def test_an_open_folder_is_noticed_and_a_place_that_is_none_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert store_in(tmp_path).exposed
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"record\.folder: ~nobody-of-this-name/calls"):
        store_in(Path("~nobody-of-this-name/calls"))
    with pytest.raises(SettingsError, match=r"record\.folder"):
        store_in(tmp_path / "file" / "deeper")


def test_what_is_too_old_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    store = store_in(tmp_path, retention=100)
    now = time.time()
    names = {
        "old": "20200101T000000Z-old",
        "new": "20200101T000000Z-new",
        "runs": "20200101T000000Z-runs",
    }
    for what, name in names.items():
        place, _ = store.make(name)
        (place / "1.wav").write_bytes(bytes(1_000))
        if what != "new":
            for path in (place / "1.wav", place):
                os.utime(path, (now - 200, now - 200))
    mine = tmp_path / "holiday-photos"
    mine.mkdir()
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (tmp_path / "20200101T000000Z-link").symlink_to(elsewhere)
    for path in (mine, elsewhere):
        os.utime(path, (0, 0))
    assert swept(store, now, {names["runs"]}) == [names["old"]]
    assert store.used == 2_000
    assert mine.exists()
    assert elsewhere.exists()


def test_what_cannot_be_deleted_is_not_said_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_in(tmp_path, retention=100)
    place, name = store.make("20200101T000000Z-old")
    (place / "1.wav").write_bytes(bytes(1_000))
    later = time.time() + 200

    def refused(path: Path, ignore_errors: bool) -> None:
        assert ignore_errors, "as a folder of another user's"

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", refused)
        assert swept(store, later) == []
        assert (store.stuck, store.used) == ([name], 1_000)
    assert swept(store, later) == [name]
    assert (store.stuck, store.used) == ([], 0)


def test_what_other_processes_write_counts_once_it_was_measured(tmp_path: Path) -> None:
    ours, theirs = (store_in(tmp_path, disk_limit=1_000_000) for _ in range(2))
    now = time.time()
    old, _ = theirs.make("20231114T221320Z-old")
    (old / "1.wav").write_bytes(bytes(600_000))
    for path in (old / "1.wav", old):
        os.utime(path, (now - 200, now - 200))
    new, _ = theirs.make("20231114T221320Z-new")
    for written in (100_000, 300_000):
        (new / "1.wav").write_bytes(bytes(written))
        measure(ours, now)
        assert ours.used == 600_000 + written
    assert ours.full() == ""
    (new / "2.wav").write_bytes(bytes(100_000))
    measure(ours, now)
    assert "record.disk_limit" in ours.full()
    shutil.rmtree(old)
    measure(ours, now)
    assert ours.full() == ""


def test_what_is_written_while_the_folder_is_walked_through_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_in(tmp_path)
    later = time.time() + 100
    for call in "abc":
        place, _ = store.make(f"20231114T221320Z-{call}")
        (place / "1.wav").write_bytes(bytes(1_000))
    sweep = store.sweep(later, ())
    next(sweep)
    store.wrote(500)
    assert store.used == 500, "it goes on"
    assert len(list(sweep)) == 2
    assert store.used == 3_500

    def asked(path: Path) -> tuple[int, float]:
        pytest.fail("the sweep has found that nobody writes to it")

    monkeypatch.setattr("translink.recording.store._measure", asked)
    measure(store, later)
    assert store.used == 3_000


def test_a_full_folder_and_a_full_disk_say_so(tmp_path: Path) -> None:
    store = store_in(tmp_path, disk_limit=1_000_000)
    assert store.full() == ""
    store.used = 1_000_000
    assert "record.disk_limit" in store.full()
    assert "record.keep_free" in store_in(tmp_path, keep_free=10**18).full()
