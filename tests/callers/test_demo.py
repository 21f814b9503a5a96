"""The demo against a stand-in for the server: schedule, recordings, summary, exit codes."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from translink.callers import demo, server_process
from translink.callers.captions import Captions
from translink.callers.demo import FAILED, HEARD, MISSING, NOTHING_HEARD, run_demo, schedule
from translink.callers.dialogue import DialogueLine, SpeechMissing
from translink.callers.display import display_of
from translink.callers.wav import parse_wav

STUB = (sys.executable, str(Path(__file__).with_name("stub_serve.py")))
TONE = b"\x00\x10\x00\xf0" * 4_000
"""500 ms."""


def line(text: str, seconds: float = 0.5) -> DialogueLine:
    return DialogueLine(text, "en", TONE[: round(seconds * 32_000)], "a tone")


@pytest.fixture
def voices(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lines(language: str, *, answers: bool, offline: bool) -> list[DialogueLine]:
        return [line(f"{language} {number}") for number in range(3)]

    monkeypatch.setattr(demo, "lines_of", lines)
    monkeypatch.setattr(demo, "LAST_TRANSLATION", 2.0)
    monkeypatch.setattr(demo, "SILENCE_AT_END", 0.5)
    monkeypatch.setattr(demo, "LAST_WAIT", 2.0)


def test_every_other_exchange_overlaps_and_nobody_interrupts_himself() -> None:
    lines = {leg: [line(f"{leg}{n}", 2.0) for n in range(5)] for leg in ("3333", "4444")}
    cues = schedule(lines, 30.0)
    assert [cue.leg for cue in cues[:4]] == ["3333", "4444", "3333", "4444"]
    spans = [(cue.leg, cue.at, cue.at + cue.line.seconds) for cue in cues]
    for leg in lines:
        own = [span for span in spans if span[0] == leg]
        assert all(a[2] + 1 < b[1] for a, b in itertools.pairwise(own))
    assert spans[1][1] < spans[0][2]  # both at once
    assert spans[3][1] > spans[2][2]  # one after the other
    assert max(end for _, _, end in spans) <= 30.0
    assert {leg for leg, _, _ in spans} == {"3333", "4444"}


def test_a_short_demo_still_has_one_exchange_and_a_long_one_begins_anew() -> None:
    lines = {leg: [line(f"{leg}{n}", 2.0) for n in range(2)] for leg in ("a", "b")}
    assert [cue.leg for cue in schedule(lines, 0.0)] == ["a", "b"]
    texts = [cue.line.text for cue in schedule(lines, 60.0)]
    assert texts.count("a0") > 2


@pytest.mark.usefixtures("voices")
def test_both_hear_each_other_and_everything_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "SERVE_COMMAND", STUB)
    out = tmp_path / "demo-out"
    assert run_demo(out, seconds=8.0, json=True) == HEARD
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    assert summary == json.loads((out / "summary.json").read_text())
    assert summary["losses"]["total"] == 0
    for leg in ("3333", "4444"):
        one = summary["directions"][leg]
        assert one["said"] == one["understood"] == one["translated"] == one["heard"]
        assert one["said"] >= 2
        assert 250 < one["sentence_to_sound_ms"]["p50"] < 900
        said = parse_wav((out / f"{leg}-said.wav").read_bytes())
        heard = parse_wav((out / f"{leg}-heard.wav").read_bytes())
        assert said.pcm.count(TONE[:4]) == one["said"] * len(TONE) // 4
        assert heard.seconds > 3
    events = [json.loads(text) for text in (out / "transcript.jsonl").read_text().splitlines()]
    kinds = {event["type"] for event in events}
    assert {"said", "interim", "final", "segment", "translation", "speech"} <= kinds
    assert "3333 understood" in printed.err
    assert "quelque chose" in printed.err
    assert "losses = 0" in printed.err


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("de,es", ("de", "es")),
        (" IT , en ", ("it", "en")),
        ("de", None),
        ("de,de", None),
        ("de,pl", None),
    ],
)
def test_two_different_languages_of_the_dialogue_are_taken(
    text: str, languages: tuple[str, str] | None
) -> None:
    if languages is None:
        with pytest.raises(ValueError, match="should be two of en, fr, de, es, it"):
            demo.two_languages(text)
    else:
        assert demo.two_languages(text) == languages


def test_without_pico_the_demo_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    assert run_demo(tmp_path, seconds=5.0, languages=("de", "en")) == MISSING
    assert (
        "no voice for German is installed: pip install 'translink[pico]'" in capsys.readouterr().err
    )


def test_a_folder_that_others_use_is_not_taken_and_not_closed_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "theirs").write_text("of others")
    shared.chmod(0o755)
    assert run_demo(shared, seconds=5.0) == FAILED
    assert "name a folder of its own with --out" in capsys.readouterr().err
    assert shared.stat().st_mode & 0o777 == 0o755
    (shared / "server.log").touch()  # an earlier demonstration's
    demo.make_private(shared)
    assert shared.stat().st_mode & 0o777 == 0o700
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.chmod(0o755)
    demo.make_private(empty)
    assert empty.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("voices")
def test_the_callers_speak_the_languages_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "SERVE_COMMAND", STUB)
    monkeypatch.setattr(demo, "need_voices", lambda languages, *, keys: None)
    assert run_demo(tmp_path, 6.0, json=True, languages=("de", "es")) == HEARD
    printed = capsys.readouterr()
    assert "3333 speaks German and hears the other's Spanish in German" in printed.err
    assert "German and Spanish are held to a phrasebook" in printed.err
    one = json.loads(printed.out)["directions"]["3333"]
    assert one["word_for_word"] == 0, "the stand-in says something else"


@pytest.mark.usefixtures("voices")
def test_one_direction_without_translation_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "SERVE_COMMAND", (*STUB, "--mute", "4444"))
    assert run_demo(tmp_path, seconds=5.0, plain=True) == NOTHING_HEARD
    assert "No translation of 4444 was heard" in capsys.readouterr().err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert not summary["ok"]
    assert summary["directions"]["3333"]["ok"]


@pytest.mark.usefixtures("voices")
def test_a_line_that_was_not_understood_is_shown_counted_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "SERVE_COMMAND", (*STUB, "--deaf", "4444"))
    assert run_demo(tmp_path, seconds=8.0, plain=True) == NOTHING_HEARD
    answer = capsys.readouterr().err
    assert "losses = 1 (datagrams_in 0, datagrams_out 0, drops 0, events 0, lines 1)" in answer
    assert "Of 4444, 1 line was not understood" in answer
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["ok"], "both heard the other all the same"


def test_without_a_recogniser_the_demo_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    out = tmp_path / "demo-out"
    assert run_demo(out, seconds=5.0) == MISSING
    assert "pip install 'translink[offline]'" in capsys.readouterr().err
    # What people say will lie there: nobody else on this machine may look.
    assert out.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("voices")
def test_a_server_that_ends_at_once_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "SERVE_COMMAND", (*STUB, "--fail"))
    assert run_demo(tmp_path, seconds=5.0) == FAILED
    assert "cannot serve today" in capsys.readouterr().err


def test_on_a_machine_without_voices_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def none(language: str, *, answers: bool, offline: bool) -> list[DialogueLine]:
        raise SpeechMissing("install one with: apt-get install flite")

    monkeypatch.setattr(demo, "lines_of", none)
    assert run_demo(tmp_path) == MISSING
    assert "apt-get install flite" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_ctrl_c_stops_the_server_and_leaves_whole_files(tmp_path: Path) -> None:
    program = (
        # A shell's background job, which a CI's run may be, begins with SIGINT ignored.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from translink.callers import demo, server_process; "
        f"server_process.SERVE_COMMAND = {STUB!r}; sys.exit(demo.run_demo({str(tmp_path)!r}, seconds=60))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        seen = []
        for text in run.stderr:
            seen.append(text)
            if "4444 says" in text:
                break
        run.send_signal(signal.SIGINT)
        seen.append(run.stderr.read())
        assert run.wait(10) == 130, seen
    assert "Interrupted" in seen[-1]
    for leg in ("3333", "4444"):
        assert parse_wav((tmp_path / f"{leg}-heard.wav").read_bytes()).seconds > 0.5
    assert not [each for each in _command_lines() if f"{STUB[1]}\0--config" in each]


def test_the_server_of_a_demo_sees_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [f"{vendor}_API_KEY" for vendor in ("DEEPGRAM", "DEEPL", "ELEVENLABS", "OPENAI")]
    settings += ["OPENAI_BASE_URL", "TRANSLINK_ADMIN__TOKEN", "USE_DEEPGRAM_STREAMING"]
    for name in settings:
        monkeypatch.setenv(name, "secret")
    server = server_process.ServerProcess([], folder=tmp_path, log=tmp_path / "log")
    assert not set(settings) & set(server._child.environ)
    with_keys = server_process.ServerProcess([], folder=tmp_path, log=tmp_path / "log", keys=True)
    assert with_keys._child.environ["DEEPGRAM_API_KEY"] == "secret"


def test_the_newest_captions_are_on_the_screen_however_narrow_it_is() -> None:
    captions = Captions(("3333", "4444"))
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=64, height=40)
    with display_of(console, captions, {}, plain=False):
        for number in range(30):
            text = f"a sentence that is too long for one line of the screen, {number}"
            captions.take({"type": "segment", "leg": "3333", "text": text, "segment": number})
    last = screen.getvalue().rpartition("╭")[2]
    assert "29" in last
    assert ", 3 " not in last


def test_the_live_display_draws_both_sides() -> None:
    captions = Captions(("3333", "4444"))
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=40)
    with display_of(console, captions, {"3333": "en", "4444": "fr"}, plain=False) as display:
        for event in (
            {"type": "mode", "leg": "3333", "mode": "streaming"},
            {"type": "segment", "leg": "3333", "text": "Hello", "segment": 1},
            {"type": "translation", "leg": "3333", "text": "Bonjour", "segment": 1},
            {"type": "interim", "leg": "4444", "text": "je vous"},
        ):
            captions.take(event)
            display.show(event)
        display.tell("nearly done")
    shown = screen.getvalue()
    for text in ("English", "French", "streaming", "Hello", "Bonjour", "je vous", "nearly done"):
        assert text in shown


def _command_lines() -> Iterator[str]:
    """Of every process on this machine, arguments parted by zeros."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended while we looked
            yield path.read_text(errors="replace")
