"""The log: greppable messages, known fields, no secrets, no forged lines, no floods."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from translink import log
from translink.log import redaction

SECRET = 's3cr3t"key\\with-quotes'
Configure = Callable[..., io.StringIO]


@pytest.fixture
def configured() -> Iterator[Configure]:
    """Configures logging into a string; what was before comes back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def configure(**how: object) -> io.StringIO:
        stream = io.StringIO()
        log.configure(secrets=[SECRET], stream=stream, **how)  # type: ignore[arg-type]
        return stream

    yield configure
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "message",
    [
        "Deepgram API Mode: Streaming (WebSocket)",
        "[STREAMING-STATE] Deepgram Streaming State Manager initialized",
        "[WEBSOCKET] ✓ Connection opened for extension 3333",
        '[WEBSOCKET] FINAL transcript (3333): "hello world"',
        "[STREAMING-3333] Sent 100 frames (64000 bytes)",
    ],
)
def test_the_predecessors_lines_stay_word_for_word(configured: Configure, message: str) -> None:
    stream = configured(format="console")
    structlog.get_logger("translink").info(message, leg="3333")
    assert message in stream.getvalue()
    stream = configured(format="json")
    structlog.get_logger("translink").info(message, leg="3333")
    assert json.loads(stream.getvalue())["message"] == message


def test_a_line_knows_its_call_and_leg(configured: Configure) -> None:
    stream = configured(format="json")
    with log.log_context(call="3333-1", leg="3333"):
        structlog.get_logger("translink.call").warning("slow", ms=12)
        logging.getLogger("elsewhere").error("from the %s library", "standard")
    structlog.get_logger("translink.call").info("outside")
    first, second, third = map(json.loads, stream.getvalue().splitlines())
    assert (first["call"], first["leg"], first["ms"], first["level"]) == (
        "3333-1",
        "3333",
        12,
        "warning",
    )
    assert (second["call"], second["message"]) == ("3333-1", "from the standard library")
    assert "call" not in third


@pytest.mark.parametrize("format_", ["console", "json"])
def test_a_secret_is_masked_wherever_it_hides(configured: Configure, format_: str) -> None:
    stream = configured(format=format_, level="debug")
    logger = structlog.get_logger("translink")
    logger.info("in the message %s", SECRET)
    logger.info("in a field", key=SECRET, nested={"header": ["x", SECRET]})
    logging.getLogger("elsewhere").warning("in an argument %s", SECRET)
    try:
        raise ValueError(f"in an exception {SECRET}")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "with-quotes" not in text
    assert text.count(log.MASK) == 5


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("Authorization: Token 0123456789abcdef0123456789abcdef01234567", "0123456789abcdef"),
        ("{'Authorization': 'Bearer eyJhbGciOi.J9-_xyz0123'}", "eyJ"),
        ("DeepL-Auth-Key 279a2e9d-83b3-c416-7e2d-f721593e42a0:fx", "279a2e9d"),
        ("key is 279a2e9d-83b3-c416-7e2d-f721593e42a0:fx.", "279a2e9d"),
    ],
)
def test_what_looks_like_a_key_is_masked_even_when_nobody_registered_it(
    line: str, hidden: str
) -> None:
    masked = log.Redaction()(line)
    assert hidden not in masked
    assert log.MASK in masked


pieces = st.sampled_from(["token", "ToKEN", "to\u212aen", "Bearer", "DeepL-Auth-Key", ":fx"])
pieces |= st.sampled_from([" ", "=", ": ", "\n", "word", "0123456789abcdef01"])
pieces |= st.just("279a2e9d-83b3-c416-7e2d-f721593e42a0")


@given(st.lists(pieces, max_size=12).map("".join))
def test_a_line_that_is_not_looked_through_has_nothing_to_mask(line: str) -> None:
    assert log.Redaction()(line) == redaction._KEYS.sub(redaction._masked, line)


def test_ordinary_words_are_left_alone() -> None:
    line = 'Token expired; bearer of bad news: "the token was lost" 3333-1'
    assert log.Redaction(["", "abc"])(line) == line


@given(st.text(min_size=4), st.text(), st.text())
def test_no_registered_secret_survives(secret: str, before: str, after: str) -> None:
    masked = log.Redaction([secret])(before + secret + after)
    assert secret in log.MASK or secret not in masked.replace(log.MASK, "\0")


def test_a_transcript_cannot_forge_a_line_or_drive_the_terminal(configured: Configure) -> None:
    stream = configured(format="console")
    structlog.get_logger("translink").info('FINAL: "hello\n2026 [error] gone\x1b[2J"')
    (line,) = stream.getvalue().splitlines()
    assert "\x1b" not in line


def test_levels_are_obeyed_and_libraries_kept_quiet(configured: Configure) -> None:
    stream = configured(format="json", level="warning")
    structlog.get_logger("translink").info("unwanted")
    structlog.get_logger("translink").warning("wanted")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["wanted"]
    stream = configured(format="json", level="debug")
    logging.getLogger("websockets.client").debug("> Authorization: Token abc")
    assert stream.getvalue() == ""


def test_the_log_can_be_kept_without_what_people_say(configured: Configure) -> None:
    for text in (True, False):
        stream = configured(format="json", text=text)
        out = structlog.get_logger("translink")
        out.info('[WEBSOCKET] FINAL transcript (3333): "my "private" words"')
        out.info('[WEBSOCKET] INTERIM transcript (33.3-a): "my private"')
        out.warning("not spoken, or not all of it", reason="busy", text="my private words")
        said = stream.getvalue()
        assert ("private" in said) is text
        assert "[WEBSOCKET] FINAL transcript (3333): " in said
    assert "(16 letters)" in said


def test_the_log_can_be_kept_without_the_digits_in_it(configured: Configure) -> None:
    stream = configured(format="json", digits=False)
    out = structlog.get_logger("translink")
    out.info('[WEBSOCKET] FINAL transcript (3333): "card 4711 0815"', ms=212)
    out.warning("not spoken, or not all of it", text="PIN 0007")
    said = stream.getvalue()
    assert '(3333): \\"card #### ####\\"' in said
    assert "PIN ####" in said
    assert '"ms":212' in said


CRASHES = {
    "main": "raise RuntimeError(key)",
    "thread": "t = threading.Thread(target=lambda: fail(key)); t.start(); t.join()",
    "task": "asyncio.run(forgotten())",
    "finalizer": "Fails()",
    "chained": "try:\n fail(key)\nexcept RuntimeError as e: raise ValueError('bad') from e",
}


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("format", ["console", "json"])
def test_whatever_ends_by_a_bug_is_logged_without_secrets(crash: str, format: str) -> None:
    program = f"""
import asyncio, gc, sys, threading
from translink import log
key = sys.stdin.read()
log.configure(secrets=[key], format="{format}")
def fail(x): raise RuntimeError("it was " + x)
async def failing(): fail(key)
async def forgotten():
    task = asyncio.create_task(failing())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
class Fails:
    def __del__(self): fail(key)
{CRASHES[crash]}
"""
    key = "distinctive-key-0123456789"
    done = subprocess.run(
        [sys.executable, "-c", program], input=key, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert key not in said
    assert log.MASK in said
    assert done.returncode == (1 if crash in ("main", "chained") else 0)


class Stuck(io.StringIO):
    """A pipe that nobody reads, until somebody does."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        assert self.released.wait(10)
        return super().write(text)


def test_a_stuck_reader_stops_nobody_and_what_was_dropped_is_logged() -> None:
    stuck = Stuck()
    stream = log.QueuedStream(stuck, backlog=2)
    stream.write("1\n")
    assert stuck.entered.wait(10)
    for number in range(2, 7):
        stream.write(f"{number}\n")
    assert stream.dropped == 3
    stuck.released.set()
    stream.close()
    assert stuck.getvalue() == "1\n3 log lines were dropped\n2\n3\n"


def test_a_reader_that_left_is_no_reason_to_fail() -> None:
    gone = io.StringIO()
    gone.close()
    stream = log.QueuedStream(gone)
    stream.write("into the void\n")
    stream.close()
    assert stream.dropped == 1


def test_a_fault_of_providers_is_logged_once_and_then_counted() -> None:
    limit = log.RateLimit(interval=60)
    assert limit.due("receive", now=0) == 0
    assert [limit.due("receive", now=t) for t in (1, 2, 59.9)] == [None] * 3
    assert limit.due("send", now=3) == 0
    assert limit.due("receive", now=60) == 3
    assert limit.due("receive", now=120) == 0


BAD = "a\x1b[2J\x9bb\x85c\u2028d\u2029e\u202ef\u2066g\ud800h\r\ni"


@pytest.mark.parametrize("format_", ["console", "json"])
def test_nothing_in_any_field_forges_a_line_or_drives_a_terminal(
    configured: Configure, format_: str
) -> None:
    stream = configured(format=format_)
    logger = structlog.get_logger("translink")
    logger.warning("of %s", BAD, reason=BAD, nested={BAD: [BAD, (BAD,)]}, error=ValueError(BAD))
    logging.getLogger("elsewhere").warning("in an argument %s", BAD)
    try:
        raise ValueError(BAD)
    except ValueError:
        logger.exception("failed", leg=BAD)
    text = stream.getvalue()
    assert all(letter.isprintable() for letter in text if letter != "\n")
    assert "\\u202e" in text
    assert "\\ud800" in text
    if format_ == "json":
        assert len([json.loads(line) for line in text.splitlines()]) == 3


def test_ordinary_french_and_hindi_stay_as_they_are(configured: Configure) -> None:
    stream = configured(format="json")
    said = "« Bonjour\u00a0! »\u202f? क्\u200dष 🙂"
    structlog.get_logger("translink").info("said", text=said)
    assert json.loads(stream.getvalue())["text"] == said


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_secret_inside_a_dict_of_a_librarys_is_masked_however_it_is_spelt(format: str) -> None:
    secret = """it's a "key" with \\ and é"""
    stream = io.StringIO()
    log.configure(secrets=[secret], stream=stream, format=format)
    logging.getLogger("library").warning({"key": secret})
    assert "a key" not in stream.getvalue().replace('"', "").replace("\\", "")
    assert log.MASK in stream.getvalue()


def test_a_librarys_message_that_is_no_text_is_logged_as_any_other_of_its_lines(
    configured: Configure,
) -> None:
    stream = configured(format="json")
    logging.getLogger("library").warning({"why": "refused"})
    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"]) == ("warning", "library")
    assert line["message"] == "{'why': 'refused'}"


def test_what_json_cannot_hold_is_still_logged(configured: Configure) -> None:
    stream = configured(format="json")
    structlog.get_logger("translink").info("large", number=1 << 80)
    assert json.loads(stream.getvalue())["number"] == 1 << 80


@pytest.mark.parametrize("library", [True, False])
def test_a_peer_cannot_flood_the_log(configured: Configure, library: bool) -> None:
    now = 0.0
    stream = configured(format="json", clock=lambda: now)
    standard, ours = logging.getLogger("elsewhere"), structlog.get_logger("translink")

    def complain(number: int) -> None:
        if library:
            standard.warning("bad message %d", number)
        else:
            ours.warning("bad message %d", number, leg="3333")

    for number in range(71_000):
        complain(number)
    assert len(stream.getvalue().splitlines()) == log.SAME_A_MINUTE
    ours.warning("something else")
    ours.info("FINAL")
    assert len(stream.getvalue().splitlines()) == log.SAME_A_MINUTE + 2
    now = 60.0
    complain(0)
    assert json.loads(stream.getvalue().splitlines()[-1])["unlogged"] == 71_000 - log.SAME_A_MINUTE
