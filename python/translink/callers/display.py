"""What the demo shows: two columns of captions on a terminal, or one line after the other
elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from translink.callers.captions import Captions, Side, describe, notable
from translink.text.language_names import ENGLISH_NAMES

if TYPE_CHECKING:
    from types import TracebackType

    from translink.callers.captions import Event

LINES = 14
"""Of captions that a side shows; the newest are at the bottom."""


class Display(Protocol):
    """Shows what the captions have become."""

    def __enter__(self) -> Display: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def show(self, event: Event) -> None:
        """An event was taken into the captions."""

    def tell(self, status: str) -> None:
        """What is going on in general."""


def display_of(
    console: Console, captions: Captions, languages: dict[str, str], *, plain: bool
) -> Display:
    """A live display on a terminal, lines elsewhere or when `plain`."""
    if plain or not console.is_terminal:
        return _Printed(console)
    return _Screen(console, captions, languages)


class _Printed:
    """Each caption when it comes; each note once, because troubles repeat themselves."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._noted: set[str] = set()

    def __enter__(self) -> _Printed:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        line = describe(event)
        if notable(event) and line is not None:
            if line in self._noted or len(self._noted) > 1000:
                return
            self._noted.add(line)
        if line is not None:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def tell(self, status: str) -> None:
        self._console.print(status, highlight=False, markup=False, soft_wrap=True)


class _Screen:
    def __init__(self, console: Console, captions: Captions, languages: dict[str, str]) -> None:
        self._captions = captions
        self._languages = languages
        self._console = console
        self._status = ""
        # Eight redraws a second are smooth for text and cost 1-2 % of a core.
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._render)

    def __enter__(self) -> _Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """The next redraw has it."""

    def tell(self, status: str) -> None:
        self._status = status

    def _render(self) -> RenderableType:
        width = max(30, self._console.width // 2 - 1)
        panels = [
            Panel(
                Text("\n").join(_captions_of(side).wrap(self._console, width - 4)[-LINES:]),
                title=_title(leg, self._languages.get(leg, ""), side),
                width=width,
                height=LINES + 2,
            )
            for leg, side in self._captions.sides.items()
        ]
        notes = [Text(note, style="yellow", overflow="ellipsis") for note in self._captions.notes]
        return Group(Columns(panels, padding=0), *notes, Text(self._status, style="dim"))


def _title(leg: str, language: str, side: Side) -> str:
    name = ENGLISH_NAMES.get(language, language)
    return f"{leg} speaks {name}" + (f" · {side.mode}" if side.mode else "")


def _captions_of(side: Side) -> Text:
    text = Text()
    for caption in list(side.captions)[-LINES:]:
        text.append(f"{caption.text}\n")
        if caption.failed:
            text.append("  not translated\n", style="red")
        elif caption.translation is None:
            text.append("  …\n", style="dim")
        else:
            text.append(f"  {'♪ ' if caption.speaking else ''}{caption.translation}", style="green")
            delay = caption.ms.get("mouth_to_ear")
            text.append("\n" if delay is None else f"  after {delay:.0f} ms\n", style="dim")
    if side.interim:
        text.append(side.interim, style="italic dim")
    return text
