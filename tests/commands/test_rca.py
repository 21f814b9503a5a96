"""`translink rca` on records in files."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from tests.observe.postmortem.test_report import a_record, on_leg_1
from translink.commands.control import Target
from translink.commands.rca import run_rca


def no_server() -> Target:
    pytest.fail("a file needs no server")


def saved(folder: Path, record: object) -> str:
    file = folder / "call.json"
    file.write_bytes(orjson.dumps(record))
    return str(file)


def test_a_good_call_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_rca(saved(tmp_path, a_record()), no_server) == 0
    assert "Nothing wrong was found." in capsys.readouterr().out


def test_a_bad_call_ends_with_5_and_programs_can_read_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(tmp_path, on_leg_1(said={"lost_ms": 900.0}))
    assert run_rca(file, no_server, json=True) == 5
    found = json.loads(capsys.readouterr().out)
    assert [cause["kind"] for cause in found["causes"]] == ["speech_lost"]
    assert [part["part"] for part in found["delay"]][:1] == ["recognition"]


def test_a_record_can_be_saved_again(tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    run_rca(saved(tmp_path, a_record()), no_server, save=copy)
    assert run_rca(str(copy), no_server) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is no record of a call"),
        (b"{}", "is no record of a call: v"),
        (b'{"v": 2}', "is no record of a call: v"),
    ],
)
def test_what_is_no_record_is_said_with_its_reason(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "call.json"
    file.write_bytes(content)
    assert run_rca(str(file), no_server) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_rca("nowhere.json", no_server) == 1
    assert "nowhere.json: No such file" in capsys.readouterr().err
