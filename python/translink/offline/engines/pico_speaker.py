"""The process that speaks with Pico: `python -m translink.offline.engines.pico_speaker`.

Fed as `parent_pipe` says. `C` (first, once): answered when the library is loaded. `S`: a voice, a zero
byte and a text, answered with its sound, 16 kHz s16le mono.
"""

from __future__ import annotations

from translink.offline.engines.parent_pipe import ParentPipe


def main() -> None:
    """Serve standard input until it ends."""
    import py_nanotts  # type: ignore[import-untyped]

    pipe = ParentPipe()
    engine = py_nanotts.NanoTTS()
    for letter, payload in pipe:
        voice, _, text = payload.decode(errors="replace").partition("\0")
        pipe.answer(engine.speak(text, voice=voice) if letter == b"S" and text else b"")


if __name__ == "__main__":
    main()
