"""What Asterisk is to do: events of ARI come in, requests go out. Sans-IO; time is an argument.

    Stasis(translink,LEG[,CALLID])                       a party at a leg
    Stasis(translink,dial,ENDPOINT,FROM,TO[,SECONDS])    we call the other party

What happens while no event socket is there is reported by nobody: after each connection, and now and then
while another client has our events, what there is is compared with what should be (`reconcile`).
Nothing that came after the connection is touched by it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Protocol

from translink.pbx.census import Census, words_of
from translink.pbx.dialled import VERDICTS, Dialled, dial_words, ring_time
from translink.pbx.errands import Errands
from translink.pbx.line import (
    BUSY,
    NO_ANSWER,
    NORMAL,
    OUT_OF_ORDER,
    UNKNOWN,
    Line,
    Medium,
    Place,
    Unavailable,
)

ASTERISK_GONE_AFTER = 10.0
"""Seconds without Asterisk after which its calls are over."""
NEWCOMERS = 1.0
"""Seconds after a connection in which those who came just now are announced; who is in our application and
was not announced then was there before us."""
CENSUS_AGAIN = 1.0
"""Seconds after a look at what is there that got no answer."""
REPLACED_LOOK = 3.0
"""Seconds between two looks at what is there, while another client has our events."""


class Reception(Protocol):
    """Gives places: see `service.Telephony`. Each raises `Unavailable`."""

    def seize(self, leg: str, call_id: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        """Take a place at this leg for a telephone."""

    def seize_pair(
        self,
        name: str,
        languages: tuple[str, str],
        hang_ups: tuple[Callable[[], None], ...],
        orders: Mapping[str, tuple[str, ...]],
    ) -> tuple[tuple[Place, Medium], tuple[Place, Medium]]:
        """At two legs of their own. `orders`: stage to vendors, of this call."""

    def report(self, what: str, **details: str) -> None:
        """For the log and the journal."""


class Controller(Errands):
    """Of one application on one Asterisk."""

    def __init__(self, app: str, token: str, reception: Reception) -> None:
        """`token` = letters and digits that tell this process from those before it."""
        super().__init__()
        self.app = app
        self.replaced = False
        """Another client took our events."""
        self.vacant = False
        """It has left, and nobody has them: they come again with a new connection."""
        self._family = f"translink-{app}-"
        self._prefix = f"{self._family}{token}-"
        self._reception = reception
        self._lines: dict[str, Line] = {}
        """By every id of theirs."""
        self._dialled: dict[str, Dialled] = {}
        """By the ids of both telephones."""
        self._newcomers: set[str] = set()
        """Callers that this connection reported: whatever became of them, nobody left them over."""
        self._epoch = 0
        """Counts connections: what was asked before does not count after."""
        self._closing = False

    # --- What happens ---

    def attached(self, now: float) -> None:
        """Events come from now on."""
        self.happened(now)
        self.replaced = self.vacant = False
        self._newcomers.clear()
        self._epoch += 1
        self._forget_holds()
        self._reconcile(adopt=True)

    def detached(self, now: float) -> None:
        """They do not any more; calls go on."""
        self.happened(now)
        self._epoch += 1
        epoch = self._epoch
        self.at(ASTERISK_GONE_AFTER, lambda: self._lost(epoch))
        if self.replaced:
            self.at(REPLACED_LOOK, lambda: self._look(epoch))

    def event(self, event: Mapping[str, object], now: float) -> None:
        """Take one event of ARI's."""
        self.happened(now)
        kind = event.get("type")
        if kind == "ApplicationReplaced":
            self.replaced = True
            self._reception.report(
                f"another client has taken the ARI application {self.app}: calls that run go on, new "
                "ones are theirs; stop one of the two"
            )
            self._forget_holds()
            self._epoch += 1
            epoch = self._epoch
            self.at(REPLACED_LOOK, lambda: self._look(epoch))
            return
        channel = event.get("peer" if kind == "Dial" else "channel")
        if not isinstance(channel, dict):
            return
        which = str(channel.get("id", ""))
        if kind == "StasisStart":
            self._came(which, channel, event.get("args"), event.get("replace_channel"))
        elif kind == "StasisEnd":
            self._went(which, None)
        elif kind == "ChannelDestroyed":
            self._went(which, event.get("cause"))
        elif kind == "Dial" and (dialled := self._dialled.get(which)):
            dialled.cause = VERDICTS.get(str(event.get("dialstatus")), dialled.cause)
        elif (line := self._lines.get(which)) is not None and which == line.channel:
            if kind in ("ChannelHold", "ChannelUnhold"):
                line.hold(kind == "ChannelHold")
            elif kind == "ChannelDtmfReceived":
                line.digit(str(event.get("digit", "")))

    def close(self, now: float) -> None:
        """Hang up everybody."""
        self.happened(now)
        self._closing = True
        for dialled in {id(each): each for each in self._dialled.values()}.values():
            self._end_dialled(dialled, "shutdown", NORMAL)
        for line in self.lines:
            line.end("shutdown")

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those that are not over."""
        return tuple({line.name: line for line in self._lines.values()}.values())

    # --- Lines ---

    def over(self, line: Line) -> None:
        """See `Asking`."""
        for key in [key for key, each in self._lines.items() if each is line]:
            del self._lines[key]
        self._reception.report("line over", line=line.name, reason=line.ended)
        dialled = self._dialled.get(line.channel)
        if dialled is not None and line in dialled.lines:
            self._dialled.pop(line.channel, None)
            if not all(each.through for each in dialled.lines):
                # Their call has not begun, and nobody else can come to it.
                for other in dialled.lines:
                    other.end("the other one is gone")

    # --- Parties come ---

    def _came(
        self, which: str, channel: Mapping[str, object], args: object, replaced: object
    ) -> None:
        before = str(replaced.get("id", "")) if isinstance(replaced, dict) else ""
        if which.startswith(self._family):
            self._ours_came(which)
        elif self._is_known(which):
            pass
        elif (line := self._lines.get(before)) is not None and before == line.channel:
            self._transferred(line, which)
        else:
            self._newcomers.add(which)
            words = [str(arg).strip() for arg in args] if isinstance(args, list) else []
            self._caller(which, words, up=channel.get("state") == "Up")

    def _transferred(self, line: Line, to: str) -> None:
        """Asterisk has put another telephone in the place of the line's own, into its bridge too. The old id
        stays the line's: what hangs it up was made with it."""
        self._newcomers.add(to)
        if (dialled := self._dialled.pop(line.channel, None)) is not None:
            self._dialled[to] = dialled
        self._lines[to] = line
        line.channel = to
        line.hold(False)  # they held it to ask the other one; of that end nothing is reported
        self._reception.report("line transferred", line=line.name)

    def _ours_came(self, which: str) -> None:
        if (line := self._lines.get(which)) is not None:
            if which == line.media:
                line.media_came()
        elif (dialled := self._dialled.get(which)) is not None:
            self._picked_up(dialled)
        else:  # a predecessor's, or made when it was not wanted any more
            self.delete(f"/channels/{which}")

    def _caller(self, which: str, words: list[str], *, up: bool) -> None:
        if self._closing:
            self._turn_away(which, "the server is stopping", OUT_OF_ORDER)
        elif words[:1] == ["dial"]:
            self._dial(which, words[1:])
        elif words and words[0]:
            self._seat(which, words[0], words[1] if len(words) > 1 else "", up=up)
        else:
            self._turn_away(which, "the dialplan names no leg", UNKNOWN)

    def _seat(self, which: str, leg: str, call_id: str, *, up: bool) -> None:
        name = self._name()
        try:
            place, medium = self._reception.seize(leg, call_id, lambda: self._hang_up(which))
        except Unavailable as error:
            self._turn_away(which, str(error), BUSY if error.busy else UNKNOWN)
            return
        self._reception.report("line", line=name, leg=leg)
        self._begin(name, which, place, medium, up=up)

    def _begin(self, name: str, which: str, place: Place, medium: Medium, *, up: bool) -> Line:
        line = Line(self, name, which, place, medium, app=self.app, up=up, now=self.now)
        self._lines[which] = self._lines[line.media] = line
        line.set_up()
        self.at(line.due - self.now, lambda: self._too_slow(line))
        return line

    def _too_slow(self, line: Line) -> None:
        if not (line.through or line.ended):
            line.end("Asterisk did not set the line up in time", OUT_OF_ORDER)

    def _turn_away(self, which: str, reason: str, cause: int) -> None:
        self._reception.report("caller refused", channel=which, reason=reason)
        self.delete(f"/channels/{which}?reason_code={cause}")

    # --- Parties are dialled ---

    def _dial(self, which: str, words: list[str]) -> None:
        words, orders = dial_words(words)
        if len(words) < 3 or not all(words[:3]):
            wanted = f"Stasis({self.app},dial,ENDPOINT,FROM,TO[,SECONDS][,translate=VENDOR+VENDOR])"
            self._turn_away(which, f"the dialplan should say {wanted}", UNKNOWN)
            return
        endpoint, ours, theirs = words[:3]
        name = self._name()
        callee = f"{name}-callee"
        hang_ups = (lambda: self._hang_up(which), lambda: self._hang_up(callee))
        try:
            places = self._reception.seize_pair(name, (ours, theirs), hang_ups, orders)
        except Unavailable as error:
            self._turn_away(which, str(error), BUSY if error.busy else UNKNOWN)
            return
        dialled = Dialled(name, which, callee, places, [])
        self._dialled[which] = self._dialled[callee] = dialled
        self._reception.report("dialling", line=name, endpoint=endpoint)
        seconds = ring_time(words[3] if len(words) > 3 else "")
        self.ask("POST", f"/channels/{which}/ring")
        query = {
            "endpoint": endpoint,
            "app": self.app,
            "channelId": callee,
            "originator": which,
            "timeout": str(round(seconds)),
        }
        self.ask("POST", "/channels", query, lambda status, _: self._rings(dialled, status))
        # Asterisk keeps the time; this is for one that does not.
        self.at(seconds + 3.0, lambda: self._not_answered(dialled))

    def _rings(self, dialled: Dialled, status: int) -> None:
        if dialled.ended:
            self.delete(f"/channels/{dialled.callee}")
        elif status != 200:
            self._end_dialled(dialled, f"it cannot be dialled: Asterisk says {status}", UNKNOWN)
        else:
            dialled.made = True

    def _not_answered(self, dialled: Dialled) -> None:
        if not (dialled.ended or dialled.lines):
            self._end_dialled(dialled, "no answer", NO_ANSWER)

    def _picked_up(self, dialled: Dialled) -> None:
        if dialled.ended or dialled.lines:
            return
        caller, callee = dialled.places
        dialled.lines = [
            self._begin(f"{dialled.name}.1", dialled.caller, *caller, up=False),
            self._begin(f"{dialled.name}.2", dialled.callee, *callee, up=True),
        ]

    def _end_dialled(self, dialled: Dialled, reason: str, cause: int | None) -> None:
        """Before it was answered, or while it is. `cause` for the caller; None: they are gone."""
        if dialled.ended:
            return
        dialled.ended = True
        self._dialled.pop(dialled.caller, None)
        self._dialled.pop(dialled.callee, None)
        if dialled.lines:
            return  # lines end by themselves
        self._reception.report("dialling ended", line=dialled.name, reason=reason)
        if cause is not None:
            self.delete(f"/channels/{dialled.caller}?reason_code={cause}")
        self.delete(f"/channels/{dialled.callee}")
        for place, medium in dialled.places:
            medium.close()
            place.leave(reason)

    # --- Parties go ---

    def _went(self, which: str, cause: object) -> None:
        self._newcomers.discard(which)
        if (line := self._lines.get(which)) is not None:
            if which == line.media:
                line.end("the media channel was lost", OUT_OF_ORDER)
            elif which == line.channel:  # else it has handed the line on
                line.end("hung up", None)
        elif (dialled := self._dialled.get(which)) is not None:
            if which == dialled.caller:
                self._end_dialled(dialled, "the caller hung up", None)
            else:
                # Asterisk tells of a Local channel that is busy by the verdict alone, with cause 0.
                code = cause if isinstance(cause, int) and cause > 0 else dialled.cause or UNKNOWN
                self._end_dialled(dialled, f"not answered (cause {code})", code)

    def _hang_up(self, which: str) -> None:
        """The call is over."""
        if (line := self._lines.get(which)) is not None:
            line.end("the call is over")
        elif (dialled := self._dialled.get(which)) is not None and not dialled.lines:
            self._end_dialled(dialled, "the call is over", NORMAL)  # it still rings

    def media_lost(self, place: Place) -> None:
        """The audio's connection ended."""
        for line in self.lines:
            if line.serves(place):
                line.end("the audio was cut off", OUT_OF_ORDER)

    def _lost(self, epoch: int) -> None:
        if epoch == self._epoch:
            self._everything_is_over("Asterisk is gone")

    def _everything_is_over(self, reason: str) -> None:
        for dialled in {id(each): each for each in self._dialled.values()}.values():
            self._end_dialled(dialled, reason, NORMAL)
        for line in self.lines:
            line.end(reason)

    # --- What there is, and what should be ---

    def _forget_holds(self) -> None:
        """Events were or will be missed, and nothing of Asterisk's says whether a line is held. Music that is heard
        for a while is better than a party whom nobody hears any more."""
        for line in self.lines:
            line.hold(False)

    def _look(self, epoch: int) -> None:
        if epoch == self._epoch and self.replaced and not self.vacant:
            self._reconcile(adopt=False)
            self.at(REPLACED_LOOK, lambda: self._look(epoch))

    def _reconcile(self, *, adopt: bool) -> None:
        epoch = self._epoch
        found: dict[str, object] = {}
        # What comes meanwhile may be missing in the answers, and is left alone.
        lines = [(line, line.through) for line in self.lines]
        dialled = [(each, each.made) for each in self._dialled.values() if not each.lines]

        def take(what: str, status: int, body: object) -> None:
            if epoch != self._epoch or "again" in found:
                return
            if not adopt and (what, status) == ("app", 404):
                self._left_alone()
                status = 200
            if status != 200:
                # While it boots it has no answer yet; without one, what ended would stay for ever.
                found["again"] = None
                if adopt:  # else `_look` comes again by itself
                    self.at(CENSUS_AGAIN, lambda: self._reconcile_in(epoch))
                return
            found[what] = body
            if len(found) == 3:
                census = Census.read(found["channels"], found["bridges"], found["app"])
                self._miss(lines, dialled, census)
                if adopt:
                    self._tidy(census)

        self.ask("GET", f"/applications/{self.app}", None, lambda s, b: take("app", s, b))
        self.ask("GET", "/bridges", None, lambda s, b: take("bridges", s, b))
        self.ask("GET", "/channels", None, lambda s, b: take("channels", s, b))

    def _reconcile_in(self, epoch: int) -> None:
        if epoch == self._epoch:
            self._reconcile(adopt=True)

    def _left_alone(self) -> None:
        self.vacant = True
        self._reception.report(
            f"nobody has the ARI application {self.app} any more: it is taken again"
        )

    def _miss(
        self,
        lines: list[tuple[Line, bool]],
        dialled: list[tuple[Dialled, bool]],
        census: Census,
    ) -> None:
        """What ended, or was answered, without an event."""
        there = census.channels
        for line, through in lines:
            if line.channel not in there:
                line.end("hung up while no events came", None)
            elif through and line.media not in there:
                line.end("the media channel was lost", OUT_OF_ORDER)
        for each, made in dialled:
            callee = there.get(each.callee)
            if each.lines:
                continue
            if each.caller not in there:
                self._end_dialled(each, "the caller hung up", None)
            elif callee is None and made:
                reason = "not answered while no events came"
                self._end_dialled(each, reason, each.cause or UNKNOWN)
            elif callee is not None and callee.get("state") == "Up":
                # Not at once: a channel is up a moment before it is in our application, and the event may come yet.
                self.at(NEWCOMERS, functools.partial(self._picked_up, each))

    def _tidy(self, census: Census) -> None:
        """Take away what is of our making and nobody's any more; look after the callers it served."""
        known = self._lines.keys() | self._dialled.keys() | {line.bridge for line in self.lines}
        for path in census.strays(self._family, known):
            self.delete(path)
        epoch, callers = self._epoch, census.callers(self._family)
        self.at(NEWCOMERS, lambda: self._adopt(callers, epoch))

    def _adopt(self, callers: Mapping[str, Mapping[str, object]], epoch: int) -> None:
        """Those who were with a predecessor of ours, or with us before Asterisk was out of reach, are
        connected anew; a call that was dialled has lost its other half and ends."""
        if epoch != self._epoch:
            return
        for name, channel in callers.items():
            if self._is_known(name) or name in self._newcomers:
                continue
            words = words_of(channel, self.app)
            if words and words[0] not in ("", "dial"):
                self._reception.report("caller taken over", channel=name)
                self._caller(name, words, up=channel.get("state") == "Up")
            else:
                self._turn_away(name, "left over, and not to be connected anew", NORMAL)

    # --- Tools ---

    def _is_known(self, channel: str) -> bool:
        return channel in self._lines or channel in self._dialled

    def _name(self) -> str:
        return f"{self._prefix}{next(self.numbers)}"
