"""What there is in Asterisk, read from three answers of ARI. Sans-IO."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Census:
    """All channels and bridges, and who is in our application."""

    channels: Mapping[str, Mapping[str, object]]
    """By id."""
    bridges: tuple[str, ...]
    inside: tuple[str, ...]

    @classmethod
    def read(cls, channels: object, bridges: object, app: object) -> Census:
        """From `GET /channels`, `GET /bridges` and `GET /applications/{app}`."""
        inside = app.get("channel_ids") if isinstance(app, dict) else None
        return cls(
            {str(each.get("id")): each for each in _dicts(channels)},
            tuple(str(each.get("id")) for each in _dicts(bridges)),
            tuple(map(str, inside)) if isinstance(inside, list) else (),
        )

    def strays(self, family: str, known: Container[str]) -> Iterator[str]:
        """Paths of what begins with `family` and nobody knows any more."""
        for name in self.bridges:
            if name.startswith(family) and name not in known:
                yield f"/bridges/{name}"
        for name in self.channels:
            if name.startswith(family) and name not in known:
                yield f"/channels/{name}"

    def callers(self, family: str) -> dict[str, Mapping[str, object]]:
        """Those in our application who are not of our making."""
        mine = (name for name in self.inside if not name.startswith(family))
        return {name: self.channels[name] for name in mine if name in self.channels}


def words_of(channel: Mapping[str, object], app: str) -> list[str]:
    """What the dialplan said in `Stasis(app,…)`; nothing if it says something else now."""
    dialplan = channel.get("dialplan")
    data = str(dialplan.get("app_data", "")) if isinstance(dialplan, dict) else ""
    first, *words = (word.strip() for word in data.split(","))
    return words if first == app else []


def _dicts(body: object) -> list[dict[str, object]]:
    return [each for each in body if isinstance(each, dict)] if isinstance(body, list) else []
