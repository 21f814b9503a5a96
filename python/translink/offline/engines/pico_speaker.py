"""The process that speaks with Pico: `python -m translink.offline.engines.pico_speaker`.

Fed as `engine_process` says. `C` (first, once): answered when the library is loaded. `S`: a voice, a zero
byte and a text, answered with its sound, 16 kHz s16le mono. The end of standard input ends the process.
"""

from __future__ import annotations

import os
import struct
import sys


def main() -> None:
    """Serve standard input until it ends."""
    import py_nanotts  # type: ignore[import-untyped]

    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the library prints must not get between the answers
    engine = py_nanotts.NanoTTS()
    while len(head := requests.read(5)) == 5:
        letter, length = struct.unpack("<cI", head)
        voice, _, text = requests.read(length).decode(errors="replace").partition("\0")
        pcm = engine.speak(text, voice=voice) if letter == b"S" and text else b""
        answers.write(struct.pack("<I", len(pcm)) + pcm)
        answers.flush()


if __name__ == "__main__":
    main()
