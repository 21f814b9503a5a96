"""`translink call` against a leg that answers with what it hears, half a second later."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from translink.callers.call import HEARD, NOTHING_HEARD, WRONG_ARGUMENTS, run_call
from translink.callers.wav import parse_wav, write_wav

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TONE = struct.pack("<2h", 6_000, -6_000) * 2_400
"""300 ms."""


@pytest.fixture
def parrot() -> Iterator[str]:
    """The address of a leg that says sound back to its sender 200 ms later and keeps silence to
    itself."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("127.0.0.1", 0))
    heard.settimeout(0.05)
    over = threading.Event()

    def answer() -> None:
        waiting: list[tuple[float, bytes, tuple[str, int]]] = []
        while not over.is_set():
            while waiting and waiting[0][0] <= time.monotonic():
                _, data, sender = waiting.pop(0)
                heard.sendto(data, sender)
            try:
                data, sender = heard.recvfrom(65_535)
            except TimeoutError:
                continue
            if any(data):
                waiting.append((time.monotonic() + 0.2, data, sender))

    thread = threading.Thread(target=answer)
    thread.start()
    yield "{}:{}".format(*heard.getsockname())
    over.set()
    thread.join()
    heard.close()


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    path = tmp_path / "hello.wav"
    write_wav(path, TONE)
    return path


def test_a_file_is_said_and_the_answer_recorded_in_real_time(
    parrot: str, hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "heard.wav"
    code = run_call(to=parrot, play=hello, record=record, linger=0.4, json=True)
    assert code == HEARD
    report = json.loads(capsys.readouterr().out)
    assert report["said_seconds"] == 0.3
    assert report["heard_seconds"] == pytest.approx(0.3, abs=0.1)
    assert report["first_audio_seconds"] == pytest.approx(0.22, abs=0.15)
    assert report["record"] == str(record)
    tape = parse_wav(record.read_bytes())
    assert tape.seconds == pytest.approx(0.2 + 0.3 + 0.4, abs=0.3)
    assert tape.pcm.count(TONE[:4]) == len(TONE) // 4


@pytest.mark.parametrize("datagram", ["161", "random"])
def test_odd_datagrams_are_heard_as_well(
    parrot: str, hello: Path, tmp_path: Path, datagram: str
) -> None:
    record = tmp_path / "heard.wav"
    assert run_call(to=parrot, play=hello, record=record, datagram=datagram, linger=0.3) == HEARD


def test_a_leg_s_addresses_come_from_the_settings(
    parrot: str, hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        ear = "{}:{}".format(*free.getsockname())
    config = tmp_path / "translink.toml"
    legs = (("3333", "en", parrot, ear), ("4444", "fr", "127.0.0.1:0", "127.0.0.1:9"))
    config.write_text(
        "".join(
            f'[[legs]]\nname = "{name}"\nlanguage = "{language}"\n'
            f'listen = "{listen}"\nplay_to = "{play_to}"\n'
            for name, language, listen, play_to in legs
        )
    )
    assert run_call(leg="3333", config=config, play=hello, linger=0.3, json=True) == HEARD
    report = json.loads(capsys.readouterr().out)
    assert (report["to"], report["ear"]) == (parrot, ear)
    assert run_call(leg="5555", config=config) == WRONG_ARGUMENTS
    assert "3333, 4444" in capsys.readouterr().err
    assert run_call(leg="4444", config=config) == WRONG_ARGUMENTS
    assert "any free port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("head", "leg", "reason"),
    [
        ('audiosocket.listen = "127.0.0.1:9"\n', "", "a telephone system brings the audio"),
        ("", 'transport = "rtp"\nlisten = "127.0.0.1:{port}"\n', "leg 3333 expects RTP"),
    ],
)
def test_a_leg_that_no_caller_of_ours_can_speak_to_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str, leg: str, reason: str
) -> None:
    config = tmp_path / "translink.toml"
    legs = (("3333", "en"), ("4444", "fr"))
    config.write_text(
        head
        + "".join(
            f'[[legs]]\nname = "{name}"\nlanguage = "{language}"\n{leg.format(port=name)}'
            for name, language in legs
        )
    )
    assert run_call(leg="3333", config=config) == WRONG_ARGUMENTS
    assert reason in capsys.readouterr().err


def test_nobody_answers(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        to = "{}:{}".format(*deaf.getsockname())
        assert run_call(to=to, play=hello, seconds=0.5) == NOTHING_HEARD
    assert "translink serve" in capsys.readouterr().err


def test_a_caller_who_is_alone_reads_where_their_words_are_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        config = tmp_path / "translink.toml"
        config.write_text(
            '[[legs]]\nname = "one"\nlanguage = "en"\nsend_from_listen = true\n'
            'listen = "{}:{}"\n'.format(*deaf.getsockname())
            + '[[legs]]\nname = "two"\nlanguage = "fr"\nlisten = "0"\nplay_to = "6123"\n'
        )
        assert run_call(leg="one", config=config, seconds=0.3) == NOTHING_HEARD
    assert "add --ear 127.0.0.1:6123" in capsys.readouterr().err


def test_without_a_file_it_listens_for_the_time_given(parrot: str) -> None:
    began = time.monotonic()
    assert run_call(to=parrot, seconds=0.3) == NOTHING_HEARD
    assert 0.3 <= time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "either --leg NAME or --to"),
        ({"leg": "3333", "to": "127.0.0.1:1"}, "either --leg NAME or --to"),
        ({"to": "somewhere"}, "HOST:PORT"),
        ({"to": "127.0.0.1:99999"}, "HOST:PORT"),
        ({"to": "300.0.0.1:9"}, "300.0.0.1 is no IP address"),
        ({"to": f"{'x' * 64}.example:9"}, "labels have 1 to 63"),
        ({"to": "127.0.0.1:1", "datagram": "0"}, "from 1 to 65507"),
        ({"to": "127.0.0.1:1", "datagram": "big"}, "or `random`"),
        ({"to": "127.0.0.1:1", "ear": "192.0.2.1:5"}, "cannot listen on 192.0.2.1:5"),
    ],
)
def test_wrong_arguments_are_explained(
    wrong: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_call(**wrong) == WRONG_ARGUMENTS  # type: ignore[arg-type]
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_file_that_is_no_wav_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"ID3")
    assert run_call(to="127.0.0.1:9", play=path) == WRONG_ARGUMENTS
    assert "not a RIFF WAV" in capsys.readouterr().err.replace("\n", " ")
