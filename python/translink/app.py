"""One running server: its parts are opened and wired up here, and closed in the other order. What its process owes the
system is in `serving`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from translink import __version__
from translink.admin.panel.console import Condition, Console
from translink.admin.server import AdminServer, refuse_bad_certificate
from translink.calls.draining import Draining
from translink.calls.exchange import Exchange
from translink.calls.notice import Notices
from translink.calls.switchboard import Switchboard, mode_line
from translink.commands.addresses import refuse_taken_ports
from translink.commands.reloading import read_again, tell_what_stays
from translink.commands.takeover import LegsToCome, Predecessor, predecessor, take_legs
from translink.commands.unusable import refuse_unusable
from translink.media import Media
from translink.observe.costs import Costs
from translink.observe.journal import Journal
from translink.observe.strain import StrainReport
from translink.observe.transcripts import Transcripts, redact_digits
from translink.observe.webhooks import Webhooks
from translink.pbx.service import Telephony
from translink.pbx.talk import TalkDesk
from translink.process.clock import keep_time
from translink.process.meter import LoadMeter
from translink.process.notify import Supervisor, message
from translink.process.pressure import LoadLimits, Pressure
from translink.process.resources import ProcessResources
from translink.providers.http import Http
from translink.recording.opening import open_recorder
from translink.settings.reloading import STOP_GRACE, same_modes
from translink.wiring.coverage import languages_of
from translink.wiring.endpoints import find_endpoints
from translink.wiring.membership import Membership
from translink.wiring.orders import VendorOrders
from translink.wiring.preflight import look_ahead
from translink.wiring.providers import Providers
from translink.wiring.quotas import watch_quotas

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.fleet.fleet import Fleet
    from translink.settings.model import Settings

log = structlog.get_logger("translink")


class App:
    """One running server: opens the parts in their order, and closes them."""

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        *,
        take_over: bool = False,
        member: Membership | None = None,
        before: Predecessor | None = None,
    ) -> None:
        """`reread` loads the settings again from where they came (SIGHUP); the others: see `serving.serve`."""
        self._reread = reread
        self.on_drained: Callable[[], None] = lambda: None
        """Called at the end, once no call runs any more."""
        redact = redact_digits if settings.transcripts.redact_digits else None
        self.journal = Journal(redact=redact)
        self.condition = Condition()
        at = settings.pressure
        self.pressure = Pressure(
            LoadLimits(at.shed, at.coalesce, at.refuse, max_calls=at.max_calls)
        )
        self.stop = asyncio.Event()
        """Set it to end in good order. Set here when there is nothing more to serve."""
        self.supervisor = Supervisor(os.environ, os.getpid())
        """systemd, if it started us."""
        self.draining: Draining | None = None
        """None: not started yet."""
        self._take_over = take_over
        self._before = before
        self._member = member
        self._settings = settings
        self._console: Console | None = None
        self._admin: AdminServer | None = None
        self._fleet: Fleet | None = None
        self._reloading: asyncio.Task[None] | None = None

    @property
    def console(self) -> Console:
        """What is seen of it and done to it, from the start on."""
        assert self._console is not None
        return self._console

    @asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        """Everything up and listening, from here until the context is left."""
        settings = self._settings
        log.info("translink %s", __version__)
        log.info(mode_line(settings.mode))
        look_ahead(settings)
        refuse_bad_certificate(settings.admin)
        before = await predecessor(settings) if self._take_over else self._before
        if before is None:
            refuse_taken_ports(settings)  # first: engines take seconds to load
        refuse_unusable(settings, addresses=before is not None)
        async with AsyncExitStack() as stack:
            fleet = None
            if settings.placement.nats and self._member is None:
                from translink.fleet.fleet import Fleet  # loaded only where it is wanted

                self._fleet = fleet = Fleet.of(settings, take_over=self._take_over)
            member = self._member if fleet is None else fleet.member
            if member is None or (endpoints := member.endpoints) is None:
                endpoints = await find_endpoints(settings, stack, self._engines)
            http = await stack.enter_async_context(Http())
            providers = Providers(settings, endpoints, http)
            self.lineup = await providers.line_up(self.journal)
            media = Media(
                pressure=self.pressure,
                tempo=settings.lag.tempo,
                echo_guard=settings.echo.guard,
                shared_port=settings.shared_port,
                threads=settings.media_threads,
            )
            stack.callback(media.close)
            media.on_died = self._media_died
            if settings.shared_port.listen is not None and before is None:
                media.shared_port.number()  # bound now; after a take-over, with the first leg that needs it
            legs, to_come = await take_legs(settings, media, before)
            media.start()
            services = replace(self.lineup.services(), pressure=self.pressure)
            self.switchboard = Switchboard(
                settings,
                legs,
                services=services,
                journal=self.journal,
                rules=providers.rules(),
                notices=Notices(settings.notice, services),
            )
            if member is not None:
                self.switchboard.name_calls(member.name, member.first_call)
            self.draining = draining = Draining(self.switchboard, self.journal, settings.drain)
            draining.on_over = self.stop.set
            draining.on_progress = lambda text: self.supervisor.tell(
                message(status=text, extend=settings.drain_timeout + STOP_GRACE)
            )
            stack.callback(draining.close)
            exchange = Exchange(
                settings.calls,
                self.switchboard,
                open_leg=media.add_leg,
                shares=settings.shared_port.listen is not None,
            )
            if member is not None and member.first_call > 1:
                exchange.begin_anywhere()
            orders = VendorOrders(settings, endpoints, http, self.lineup, services, providers.unmet)
            self.switchboard.vendors.choose = orders.of
            transcripts = Transcripts(
                self.journal,
                calls=settings.transcripts.keep_calls,
                lines=settings.transcripts.lines_per_call,
                retention=settings.transcripts.retention,
            )
            forgetting = asyncio.create_task(transcripts.watch(), name="transcripts")
            stack.callback(forgetting.cancel)
            recorder = open_recorder(settings, self.journal, transcripts, services)
            self.switchboard.recorder = recorder
            costs = Costs(settings.cost, self.journal, self.switchboard.usage)
            watch = watch_quotas(providers.accounts(), settings.cost.quota_interval, costs.quota)
            watching_quotas = asyncio.create_task(watch, name="quotas")
            stack.callback(watching_quotas.cancel)
            node = "" if member is None else member.name
            webhooks = Webhooks(self.journal, settings.webhook, node)
            await stack.enter_async_context(webhooks.running())
            telephony = Telephony(settings, self.switchboard, media, self.journal, services.speak)
            if telephony.connections is not None:
                exchange.expect = telephony.expect

            def over(call: Call) -> None:
                if recorder is not None:
                    recorder.over(call)
                account = call.account()
                transcripts.close(call.row(), call.stages.summary(), account)
                costs.close(account)
                telephony.call_over(call)

            self.switchboard.on_ended = over
            self._console = console = Console(
                settings,
                self.condition,
                switchboard=self.switchboard,
                exchange=exchange,
                lineup=self.lineup,
                journal=self.journal,
                transcripts=transcripts,
                pressure=self.pressure,
                resources=ProcessResources(),
                offline=endpoints.offline,
                figures={
                    "webhooks": webhooks.figures,
                    "usage": costs.figures,
                    **({"recording": recorder.figures} if recorder is not None else {}),
                    "shared_port": media.shared_port.stats,
                },
                draining=draining,
            )
            console.awaited = lambda: to_come.names
            if self._settings is not settings:  # reloaded meanwhile
                console.reloaded(self._settings)
            if settings.otel.endpoint is not None:
                # Loaded only where it is wanted.
                from translink.observe import tracing

                stop_tracing = tracing.export(self.journal, settings.otel)
                stack.push_async_callback(asyncio.to_thread, stop_tracing)
            watching = asyncio.create_task(self.switchboard.watch(), name="idle-watch")
            stack.callback(watching.cancel)
            keeping_time = asyncio.create_task(
                keep_time(lambda: not self.switchboard.calls), name="clock"
            )
            stack.callback(keeping_time.cancel)
            talks = TalkDesk(telephony.desk, self.journal, languages_of(settings))
            self._admin = admin = AdminServer.from_settings(
                console, settings.admin if fleet is None else fleet.admin, talks
            )
            draining.where = lambda: admin.url
            draining.on_begun = telephony.send_away

            async def give_way() -> None:
                if self._member is None:  # else it is ours alone, and nobody takes it
                    admin.move()
                    log.info("the admin server has moved", admin=admin.url)
                await telephony.release()

            draining.on_hand_over = give_way
            aside = admin.seconds if fleet is None else fleet.seconds
            strain = StrainReport(self.pressure, self.journal, lambda: len(self.switchboard.calls))
            meter = LoadMeter(self.pressure, strain.changed, aside=aside)
            metering = asyncio.create_task(meter.run(), name="load-meter")
            stack.callback(metering.cancel)
            await admin.start()
            stack.push_async_callback(admin.close)
            url = admin.url
            if fleet is not None:
                url = await stack.enter_async_context(
                    fleet.running(admin, console, self.switchboard, self.journal)
                )
            webhooks.link_to(self._member.url if self._member is not None else url)
            stack.callback(self.journal.close)
            for name, leg in legs.items():
                log.info(
                    "leg",
                    leg=name,
                    language=settings.leg(name).language,
                    listens="a telephone system brings its audio"
                    if settings.leg(name).at_pbx and not leg.shares
                    else "{}:{}".format(*leg.listen_address),
                    plays_to=str(settings.leg(name).play_to or "where datagrams come from"),
                )
            took = time.monotonic() - self.condition.began
            log.info("ready", dashboard=url, took_ms=round(took * 1000))
            self.condition.pauses.watch()
            stack.callback(self.condition.pauses.close)
            tidying = asyncio.create_task(
                self.condition.pauses.tidy(lambda: self.switchboard.calls), name="collector"
            )
            stack.callback(tidying.cancel)
            await telephony.start(await self._follow(before, to_come, stack))
            stack.push_async_callback(telephony.close)
            self.condition.serving = True
            self.supervisor.tell(message(ready=True, status=f"serves; dashboard at {url}"))
            if member is not None:
                member.on_serving(admin.url)
            guarding = asyncio.create_task(
                self.supervisor.guard(lambda: not self.condition.died), name="watchdog"
            )
            stack.callback(guarding.cancel)
            try:
                yield self
            finally:
                self.condition.draining = True
                self.supervisor.tell(message(stopping=True, status="stopping"))
                await self.switchboard.close("shutdown")
                if recorder is not None:
                    recorder.close()
                self.on_drained()

    async def _follow(
        self, before: Predecessor | None, to_come: LegsToCome, stack: AsyncExitStack
    ) -> asyncio.Event | None:
        """Take what the process before us still has, as it gives it up. Returns what is set once it is
        gone; None: there is none."""
        if before is None:
            return None
        gone = asyncio.Event()
        for task in (
            asyncio.create_task(before.gone(gone), name="predecessor"),
            asyncio.create_task(
                to_come.fetch(before, self.switchboard.open_legs), name="legs-to-come"
            ),
        ):
            stack.callback(task.cancel)
        return gone

    def reload(self) -> asyncio.Task[None]:
        """Read the settings again; modes and share that were edited take effect now, and a renewed
        certificate; the rest with the next start. Returns what is done then."""
        self._reloading = asyncio.create_task(self._reload(self._reloading), name="reload")
        return self._reloading

    async def _reload(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait((before,))  # however it ends
        # A worker's orders count once each: a SIGHUP that comes without one, as of `systemctl kill`, would bring the
        # last one again, over what was switched since.
        if self._member is None or self._member.news():
            now = await read_again(self._reread, self._settings)
            if now is None:
                return
            self._take_settings(now)
        if self._admin is not None:
            self._admin.reload_certificate()
        if self._fleet is not None:
            self._fleet.reload_certificate()

    def _take_settings(self, now: Settings) -> None:
        """They were read again."""
        # A worker is told only what is to take effect; what it was told last need not be in force.
        edited = self._member is not None or not same_modes(now, self._settings)
        self._settings = now
        if self._console is not None and edited:
            self._console.reloaded(now)
        elif self._console is not None:
            board = self.switchboard
            names = [leg.name for leg in now.legs if leg.name in board.legs]
            legs = {name: board.mode_of(name) for name in names}
            tell_what_stays(now, mode=board.mode, share=board.share, legs=legs)

    def _engines(self, up: bool) -> None:
        self.condition.engines_down = not up

    def _media_died(self) -> None:
        self.condition.died = True
        log.critical("the media thread died: a bug in translink; nothing can be heard any more")
        self.stop.set()
