"""Own time stretching beside libsonic's: `python -m benches.stretching [FOLDER]`.

Speech of flite and espeak-ng, and real people's prompts where Debian's `asterisk-core-sounds-*` are
installed, at 1.15, 1.35 and 1.5 times the speed. For both ways:

- *log-mel*: mean absolute difference in dB, 40 bands to 7 kHz, between a stretched frame and the
  original within 25 ms of where it should come from (the best of these: a splice is never more than
  a period off), frames of speech only;
- *pitch*: median ratio of the pitch of voiced frames to the original's there, less 1;
- *length*: what became of it beside what was asked for, less 1.

With a folder, the WAVs are written into it to be listened to. What is missing is said.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.int16]
RATE = 16_000
FACTORS = (1.15, 1.35, 1.5)
TEXT = (
    "Good afternoon, everyone, and welcome to our call. Before we begin, please take a moment to "
    "read the notes on the second page. We sold fifteen percent more than in the same quarter of "
    "last year; most of that came from our largest customers, and we expect it to stay that way."
)


def own(pcm: Sound, factor: float) -> Sound:
    """By `rust/core/examples/stretch.rs`."""
    command = ["cargo", "run", "-q", "--release", "-p", "translink-core", "--example", "stretch"]
    run = subprocess.run(
        [*command, "--", str(factor)], input=pcm.tobytes(), stdout=subprocess.PIPE, check=True
    )
    return np.frombuffer(run.stdout, np.int16)


def rise(factor: float) -> float:
    """Samples that are not left out while the factor rises by 0.01 a frame."""
    steps = round((factor - 1) * 100)
    return sum(factor - 1 - 0.01 * (n + 1) for n in range(steps)) * 320


def sonic() -> Callable[[Sound, float], Sound] | None:
    """Debian's `libsonic0`; None where it is not."""
    name = ctypes.util.find_library("sonic")
    if name is None:
        print("skipped: no libsonic (apt-get install libsonic0)", file=sys.stderr)
        return None
    library = ctypes.CDLL(name)
    library.sonicCreateStream.restype = ctypes.c_void_p
    library.sonicSetSpeed.argtypes = [ctypes.c_void_p, ctypes.c_float]
    for call in ("sonicWriteShortToStream", "sonicReadShortFromStream"):
        getattr(library, call).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.sonicFlushStream.argtypes = library.sonicDestroyStream.argtypes = [ctypes.c_void_p]

    def stretch(pcm: Sound, factor: float) -> Sound:
        stream = library.sonicCreateStream(RATE, 1)
        library.sonicSetSpeed(stream, factor)
        library.sonicWriteShortToStream(stream, pcm.ctypes.data, len(pcm))
        library.sonicFlushStream(stream)
        out = np.zeros(len(pcm), np.int16)
        count = library.sonicReadShortFromStream(stream, out.ctypes.data, len(out))
        library.sonicDestroyStream(stream)
        return out[:count]

    return stretch


def recordings() -> dict[str, Sound]:
    """What there is to stretch, by name."""
    found: dict[str, Sound] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "said.wav")
        for name, command in (
            ("flite", ["flite", "-voice", "slt", "-t", TEXT, "-o", path]),
            ("espeak-ng", ["espeak-ng", "-w", path, TEXT]),
        ):
            try:
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError):
                print(f"skipped: no {name}", file=sys.stderr)
                continue
            with wave.open(path) as file:
                rate, pcm = file.getframerate(), file.readframes(file.getnframes())
            found[name] = _at_16_khz(np.frombuffer(pcm, np.int16), rate)
        for language in ("en", "fr"):
            files = sorted(Path(f"/usr/share/asterisk/sounds/{language}").glob("*.g722"))
            files = [file for file in files if file.stat().st_size > 24_000][:8]
            if not files:
                print(f"skipped: no asterisk-core-sounds-{language}-g722", file=sys.stderr)
                continue
            joined = Path(folder) / "joined.g722"
            joined.write_bytes(b"".join(file.read_bytes() for file in files))
            command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(joined)]
            run = subprocess.run(
                [*command, "-f", "s16le", "-"], stdout=subprocess.PIPE, check=False
            )
            found[f"people, {language}"] = np.frombuffer(run.stdout, np.int16)
    return found


def log_mel(pcm: Sound, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """40 bands in dB of the 25 ms from each start on."""
    length, size = 400, 512
    padded = np.concatenate([pcm, np.zeros(length, np.int16)]).astype(float)
    starts = np.clip(starts, 0, len(pcm) - 1)
    frames = padded[starts[:, None] + np.arange(length)] * np.hanning(length)
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    mel = np.linspace(1127 * np.log1p(80 / 700), 1127 * np.log1p(7_000 / 700), 42)
    edges = 700 * np.expm1(mel / 1127) * size / RATE
    bins = np.arange(size // 2 + 1)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return 10 * np.log10(power @ np.clip(np.minimum(rise, fall), 0, None).T + 1e3)


def pitch(pcm: Sound, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hertz of the 40 ms from each start on; nan where nobody's voice sounds."""
    found = np.full(len(starts), np.nan)
    for n, start in enumerate(starts):
        frame = pcm[max(start, 0) : start + 640].astype(float)
        if len(frame) < 640 or np.sqrt(np.mean(frame**2)) < 300:
            continue
        frame -= frame.mean()
        spectrum = np.abs(np.fft.rfft(frame, 2_048)) ** 2
        product = np.fft.irfft(spectrum)[:400] / (640 - np.arange(400)) * 640
        lag = int(np.argmax(product[40:270])) + 40
        if product[lag] < 0.6 * product[0]:
            continue
        left, middle, right = product[lag - 1 : lag + 2]
        found[n] = RATE / (lag + (left - right) / (2 * (left - 2 * middle + right)))
    return found


def compared(pcm: Sound, out: Sound, factor: float, behind: float) -> tuple[float, float, float]:
    """Log-mel distance in dB, pitch off, length off; `behind` = samples that the way was slow to
    start with."""
    starts = np.arange(RATE, len(out) - 1_600, 320)
    stretched = log_mel(out, starts)
    origin = (starts * factor - behind).astype(np.int64)
    distances = [
        np.abs(stretched - log_mel(pcm, origin + off)).mean(axis=1) for off in range(-400, 401, 40)
    ]
    loud = stretched.mean(axis=1)
    speech = loud > np.percentile(loud, 95) - 30
    mel = float(np.min(distances, axis=0)[speech].mean())
    ratio = pitch(out, starts) / pitch(pcm, origin)
    ratio = ratio[np.isfinite(ratio) & (np.abs(ratio - 1) < 0.2)]
    return mel, float(np.median(ratio)) - 1, len(out) / ((len(pcm) + behind) / factor) - 1


def _at_16_khz(pcm: Sound, rate: int) -> Sound:
    from translink._core import resample

    return np.frombuffer(resample(pcm.tobytes(), rate, RATE), np.int16)


def _write(path: Path, pcm: Sound) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def main() -> None:
    """Print the table, a line for each recording and factor."""
    reference = sonic()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print("| speech | factor | way | log-mel dB | pitch | length |\n|---|---|---|---|---|---|")
    for name, pcm in recordings().items():
        for factor in FACTORS:
            ways: dict[str, Callable[[Sound, float], Sound]] = {"own": own}
            if reference is not None:
                ways["libsonic"] = reference
            for way, stretch in ways.items():
                out = stretch(pcm, factor)
                behind = rise(factor) if way == "own" else 0.0
                mel, off, length = compared(pcm, out, factor, behind)
                print(
                    f"| {name} | {factor} | {way} | {mel:.2f} | {off:+.2%} | {length:+.1%} |",
                    flush=True,
                )
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                    _write(folder / f"{name}-{factor}-{way}.wav", out)


if __name__ == "__main__":
    main()
