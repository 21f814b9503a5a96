"""The real engines in their own process, and real people's speech to try them on."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SOUNDS = Path("/usr/share/asterisk/sounds")
VOICES = {"en": "en_US_f_Allison", "fr": "fr_CA_f_June"}

needs_engines = pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None
    or not all(shutil.which(p) for p in ("espeak-ng", "flite", "lt-proc")),
    reason="the offline engines are not installed (make develop installs them)",
)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, str]]:
    """`python -m translink.offline`, ready; yields its URL and its key."""
    command = [sys.executable, "-m", "translink.offline", "--json", "--until-eof", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield str(ready["url"]), str(ready["key"])
        finally:
            process.stdin.close()
            process.wait(10)


@dataclass(frozen=True)
class Prompt:
    """One recording of a person."""

    key: str
    text: str
    file: Path

    def pcm(self) -> bytes:
        """16 kHz s16le."""
        command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(self.file)]
        command += ["-f", "s16le", "-ar", "16000", "-ac", "1", "-"]
        return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


def prompts(language: str, words: range = range(2, 9)) -> list[Prompt]:
    """Those whose text is plain words; skips the test where they are not installed."""
    texts = Path(f"/usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz")
    folder = SOUNDS / VOICES[language]
    if not texts.exists() or not folder.exists() or shutil.which("ffmpeg") is None:
        pytest.skip(f"asterisk-core-sounds-{language}[-g722] or ffmpeg is not installed")
    found = []
    for line in gzip.decompress(texts.read_bytes()).decode().splitlines():
        key, _, text = line.partition(":")
        text = text.strip().strip("“”").replace("…", " ")
        file = folder / f"{key}.g722"
        plain = not re.search(r"[\d\[(<*#|]", text) and len(text.split()) in words
        if not line.startswith(";") and plain and file.exists():
            found.append(Prompt(key, text, file))
    return found
