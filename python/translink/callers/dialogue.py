"""What the callers of the demo say, and the voices that say it.

A caller needs a voice that the recogniser of *this* machine understands. Measured with the offline
engines, sentences of the phrasebook understood to the word: English by flite `kal16` 16 of 17, by
`rms` 14; French by espeak-ng's Klatt synthesis 11 of 18 (all of the dialogue), by its own 0; of 27 set
phrases each, German, Spanish and Italian by Klatt all, by Pico 23, 24 and 27. The real services
are given espeak-ng's own; Pico speaks where neither program is installed.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from translink.callers.ear import AUDIBLE_PEAK, loudest
from translink.callers.wav import SAMPLE_BYTES, parse_wav
from translink.errors import TranslinkError
from translink.results import RATE
from translink.settings.types import is_installed
from translink.text.language_names import ENGLISH_NAMES

INSTALL_VOICE = (
    "install one with: pip install 'translink[pico]', or "
    "apt-get install -y --no-install-recommends flite espeak-ng"
)

DIALOGUE: dict[str, tuple[tuple[str, str], ...]] = {
    "en": (
        ("Hello, can you hear me?", "Yes, I can hear you."),
        ("I would like to make an appointment.", "What day suits you?"),
        ("Tomorrow morning.", "Your appointment is confirmed."),
        ("How much does it cost?", "It costs twenty euros."),
        ("Thank you for your help.", "With pleasure."),
    ),
    "fr": (
        ("Bonjour, est-ce que vous m'entendez ?", "Oui, je vous entends."),
        ("Je voudrais prendre rendez-vous.", "Quel jour vous convient ?"),
        ("Demain matin.", "Votre rendez-vous est confirmé."),
        ("Combien ça coûte ?", "Cela coûte vingt euros."),
        ("Merci de votre aide.", "Avec plaisir."),
    ),
    "de": (
        ("Guten Tag, können Sie mich hören?", "Ja, ich höre Sie gut."),
        ("Ich möchte einen Termin vereinbaren.", "Welcher Tag passt Ihnen?"),
        ("Morgen früh.", "Ihr Termin ist bestätigt."),
        ("Wie viel kostet das?", "Das kostet zwanzig Euro."),
        ("Vielen Dank für Ihre Hilfe.", "Gern geschehen."),
    ),
    "es": (
        ("Hola, ¿me oye usted?", "Sí, le oigo bien."),
        ("Quisiera pedir una cita.", "¿Qué día le conviene?"),
        ("Mañana por la mañana.", "Su cita está confirmada."),
        ("¿Cuánto cuesta?", "Cuesta veinte euros."),
        ("Gracias por su ayuda.", "Con mucho gusto."),
    ),
    "it": (
        ("Buongiorno, mi sente?", "Sì, la sento bene."),
        ("Vorrei prendere un appuntamento.", "Quale giorno le va bene?"),
        ("Domani mattina.", "Il suo appuntamento è confermato."),
        ("Quanto costa?", "Costa venti euro."),
        ("Grazie per il suo aiuto.", "Con piacere."),
    ),
}
"""Language to what the first caller says and the second answers, all of it in the phrasebook."""


class SpeechMissing(TranslinkError):
    """No program on this machine can speak a language; the message has the command that installs
    one."""


@dataclass(frozen=True, slots=True)
class DialogueLine:
    """A sentence and its sound."""

    text: str
    language: str
    pcm: bytes
    """16 kHz s16le mono."""
    voice: str
    """Which program and voice made it."""

    @property
    def seconds(self) -> float:
        """How long it takes to say."""
        return len(self.pcm) / SAMPLE_BYTES / RATE


async def lines_of(
    language: str, *, answers: bool = False, offline: bool = True
) -> list[DialogueLine]:
    """One side of the dialogue in one language, spoken. Raises `SpeechMissing`."""
    lines = [exchange[answers] for exchange in DIALOGUE[language]]
    return [await speak(text, language, offline=offline) for text in lines]


async def speak(text: str, language: str, *, offline: bool = True) -> DialogueLine:
    """One sentence, so that it is understood.

    Args:
        text: the sentence.
        language: any that espeak-ng speaks; those of `PICO` without it.
        offline: the offline engines will listen.

    Raises:
        SpeechMissing: no program for it on this machine.
    """
    if language == "en" and shutil.which("flite"):
        pcm, voice = await _flite(text, "kal16"), "flite kal16"
    elif shutil.which("espeak-ng"):
        variant = f"{language}+klatt" if offline else language
        pcm, voice = await _espeak(text, variant), f"espeak-ng {variant}"
    elif language in PICO and is_installed("py_nanotts"):
        pcm, voice = await asyncio.to_thread(_pico, text, PICO[language]), "Pico"
    else:
        name = ENGLISH_NAMES.get(language, language)
        raise SpeechMissing(f"no program on this machine speaks {name}; {INSTALL_VOICE}")
    return DialogueLine(text, language, trimmed(pcm), voice)


def trimmed(pcm: bytes) -> bytes:
    """Without most of the silence that engines put before and after.

    What is left begins `_TRIM_LEAD` before the first loud sound, because a sentence may begin with a
    faint one ("thank" was heard as "tseng" without), and ends with the last.
    """
    loud = [
        at
        for at in range(0, len(pcm), _TRIM_STEP)
        if loudest(pcm[at : at + _TRIM_STEP]) >= AUDIBLE_PEAK
    ]
    return pcm[max(0, loud[0] - _TRIM_LEAD) : loud[-1] + _TRIM_STEP] if loud else pcm


async def _flite(text: str, voice: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="translink-") as folder:  # flite writes to files only
        path = Path(folder) / "said.wav"
        await _run("flite", "-voice", voice, "-t", text, "-o", str(path))
        return parse_wav(path.read_bytes(), "flite's answer").at(RATE)


async def _espeak(text: str, voice: str) -> bytes:
    made = await _run("espeak-ng", "-v", voice, "-s", "155", "--stdout", "--", text)
    return parse_wav(made, "espeak-ng's answer").at(RATE)


def _pico(text: str, voice: str) -> bytes:
    """16 kHz s16le."""
    import py_nanotts  # type: ignore[import-untyped]

    made = py_nanotts.NanoTTS().speak(text, voice=voice)
    return bytes(made)


async def _run(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaint = await process.communicate()
    if process.returncode:
        says = complaint.decode(errors="replace").strip()
        raise SpeechMissing(f"{command[0]} failed with exit code {process.returncode}: {says}")
    return out


_TRIM_STEP = RATE // 100 * SAMPLE_BYTES
"""10 ms."""
_TRIM_LEAD = 10 * _TRIM_STEP
PICO = {"en": "en-US", "fr": "fr-FR", "de": "de-DE", "es": "es-ES", "it": "it-IT"}
"""Its voices for the languages of the dialogue."""
