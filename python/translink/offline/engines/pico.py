"""SVOX Pico's voices: English, French, German, Spanish and Italian by `pip install translink[pico]`
alone.

Run as a program, `python -m translink.offline.engines.pico de-DE`: text on standard input, a WAV on
standard output. The library holds the interpreter while it speaks (25 to 70 ms a sentence), which no
event loop can spare; so it gets a process, like the other voices.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping

from translink.audio import wav_header

PICO_VOICES: Mapping[str, str] = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
}
PICO_RATE = 16_000
INSTALL_PICO = "pip install 'translink[pico]'"


def has_pico() -> bool:
    """Whether the voices are installed here."""
    return importlib.util.find_spec("py_nanotts") is not None


def plain(text: str) -> str:
    """Without what Pico would take for markup (`<speed level=...>`)."""
    return " ".join(text.replace("<", " ").replace(">", " ").split())


def main() -> None:
    """See the module."""
    import py_nanotts  # type: ignore[import-untyped]

    text = plain(sys.stdin.buffer.read().decode(errors="replace"))
    pcm = py_nanotts.NanoTTS().speak(text, voice=sys.argv[1]) if text else b""
    sys.stdout.buffer.write(wav_header(PICO_RATE, 2, 1) + pcm)


if __name__ == "__main__":
    main()
