"""What would end a start only after the translink before it has given way is refused before that."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.commands.test_check import KEY, LEGS, settings_of
from translink.commands.check import run_check
from translink.commands.unusable import refuse_unusable
from translink.errors import SettingsError
from translink.settings.model import Settings

NOT_THERE = {"languages": "en, fr", "file": "/nowhere.wav"}


def test_what_a_start_would_fail_by_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below, folder = str(tmp_path / "file" / "below"), str(tmp_path / "all")
    wrong: list[tuple[dict[str, object], str]] = [
        ({"notice": {"file": {"en": "/nowhere.wav"}}}, "notice.file.en: /nowhere.wav: cannot be"),
        ({"menu": NOT_THERE}, "menu.file: /nowhere.wav: cannot be read"),
        ({"record": {"folder": below}}, f"record.folder: {below} cannot be made"),
        (
            {"record": {"folder": folder, "key_file": "/nowhere.key"}},
            "record.key_file: /nowhere.key: cannot be read",
        ),
        (
            {"audiosocket": {"listen": "192.0.2.1:1"}},
            "audiosocket.listen = 192.0.2.1:1: is no address of this machine",
        ),
    ]
    for more, reason in wrong:
        with pytest.raises(SettingsError, match=re.escape(reason)):
            refuse_unusable(Settings.model_validate({"legs": LEGS, **more}))


def test_an_address_that_is_taken_may_be_the_predecessors() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        refuse_unusable(settings_of(audiosocket={"listen": at}))


def test_a_check_of_the_settings_says_so_too_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"menu\.file: /nowhere\.wav: cannot be read"):
        run_check(settings_of(deepgram={"api_key": KEY}, menu=NOT_THERE))
    run_check(settings_of(deepgram={"api_key": KEY}, record={"folder": str(tmp_path / "all")}))
    assert not (tmp_path / "all").exists()
