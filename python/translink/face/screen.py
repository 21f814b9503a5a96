"""What a dashboard shows of several nodes: their messages of `/api/live` made into one stream's. Sans-IO.

A dashboard's first message has everything, and the next ones what changed (`admin.routes.live`). So the first
one is made of the nodes' first ones, as far as they have come; a node that comes later, or comes back, is news.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from translink.face.sums import combined

SUMMARY_EVERY = 0.5
"""Seconds between two messages about the whole: each node has one a second."""
LOST_WITH_NODE = "lost with its node"
"""Why a call ended whose node died."""

Message = dict[str, Any]


class Screen:
    """Of one dashboard. Also what one follows the nodes with: `rows` and `systems` are theirs."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Message]] = {}
        """Of each node, its calls by name."""
        self.systems: dict[str, Message] = {}
        """Of each node that is there, its newest `system`."""
        self._begun = False
        self._summed_at = -SUMMARY_EVERY

    def running(self, node: str) -> list[Message]:
        """Rows of a node's calls that go on, as far as is known."""
        return [row for row in self.rows.get(node, {}).values() if row["state"] == "running"]

    def begin(self, hello: Mapping[str, Any]) -> Message:
        """The first message; `hello` is ours. What comes after it is sent as news."""
        self._begun = True
        rows = [row for of in self.rows.values() for row in of.values()]
        return {"hello": dict(hello), "calls": rows, "system": self.system()}

    def take(self, node: str, message: Message, now: float) -> Message | None:
        """What `message` of a node is to the dashboard; None: nothing yet. `now` = monotonic seconds."""
        news = {
            name: value for name, value in message.items() if name not in ("v", "at", "n", "hello")
        }
        known = self.rows.setdefault(node, {})
        if "hello" in message:
            there = {row["call"] for row in message["calls"]}
            if gone := [call for call in known if call not in there]:
                news["gone"] = gone
        if "calls" in news:
            news["calls"] = [{**row, "node": node} for row in news["calls"]]
            known |= {row["call"]: row for row in news["calls"]}
        for call in news.get("gone", ()):
            known.pop(call, None)
        if "events" in news:
            news["events"] = [{**event, "node": node} for event in news["events"]]
        if "system" in news:
            self.systems[node] = news.pop("system")
            if now - self._summed_at >= SUMMARY_EVERY or "hello" in message:
                self._summed_at = now
                news["system"] = self.system()
        return news if news and self._begun else None

    def lose(self, node: str) -> Message | None:
        """A node is gone: its running calls have ended, and its ended ones cannot be looked at any more.
        None: there is nothing to tell."""
        lost = [{**row, "state": "ended", "reason": LOST_WITH_NODE} for row in self.running(node)]
        gone = [call for call, row in self.rows.pop(node, {}).items() if row["state"] != "running"]
        known = self.systems.pop(node, None) is not None
        if not (lost or gone or known) or not self._begun:
            return None
        return {"calls": lost, "gone": gone, "system": self.system()}

    def system(self) -> Message:
        """The whole; `nodes`: a few figures of each."""
        nodes = {
            node: {
                **{name: system.get(name) for name in ("calls", "cpu_percent", "pressure")},
                "draining": bool(system.get("draining") or system.get("drain")),
            }
            for node, system in self.systems.items()
        }
        whole = combined(list(self.systems.values()))
        if not all(node["draining"] for node in nodes.values()):
            whole["drain"] = None  # others take calls: it is a node that leaves, and not the server
        return {**whole, "nodes": nodes}
