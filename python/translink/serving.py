"""The process of `translink serve`: its signals, its limits, its exit code. What serves in it is `app`."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
import uvloop

from translink import log as log_module
from translink.app import App
from translink.errors import conceal
from translink.process.descriptors import allow_descriptors
from translink.process.ending import CLOSING_SECONDS, leave_within
from translink.process.threads import share_the_interpreter

if TYPE_CHECKING:
    from types import FrameType

    from translink.commands.takeover import Predecessor
    from translink.settings.model import Settings
    from translink.wiring.membership import Membership

log = structlog.get_logger("translink")


def serve(
    settings: Settings,
    reread: Callable[[], Settings],
    *,
    take_over: bool = False,
    member: Membership | None = None,
    before: Predecessor | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code. `take_over`: from the translink that serves
    here, if there is one; `member`: as one of several; `before`: a process that has given way already.

    A first signal ends in good order: what was said is still translated and spoken, bounded by
    `drain_timeout`; a second one ends at once. SIGUSR1 drains: no new calls, and the end comes with that of
    the last one that runs. SIGHUP reads the settings again: modes and share that were edited take effect
    in running calls, and a renewed certificate.
    """
    conceal(settings.secrets())
    allow_descriptors()
    share_the_interpreter()
    _forbid_core_dumps()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        app = App(settings, reread, take_over=take_over, member=member, before=before)
        code = runner.run(_serve(app))
        leave_within(
            CLOSING_SECONDS, code, log_module.close
        )  # closing a loop waits for its threads
    return code


def _forbid_core_dumps() -> None:
    """They would hold keys and what people say. The hard limit
    stays: it can be set again."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


async def _serve(app: App) -> int:
    stop = app.stop
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    app.on_drained = lambda: leave_within(
        CLOSING_SECONDS, int(app.condition.died), log_module.close
    )

    def at_once(number: int, _: FrameType | None) -> None:
        """Also in the middle of an import or of a turn of the loop that takes long."""
        if not app.condition.serving or stop.is_set():
            leave_within(CLOSING_SECONDS, 1 if app.condition.serving else 0, log_module.close)
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(on_signal, signal.Signals(number).name)

    def on_signal(name: str) -> None:
        if stop.is_set():
            log.warning("second signal: stopping at once", signal=name)
        elif app.condition.serving:
            log.info("stopping: what was said is still translated and spoken", signal=name)
        else:
            log.info("stopping: not started yet", signal=name)
        if stop.is_set() or not app.condition.serving:
            main.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, at_once)
    # From the first moment: not handled, it would end the process.
    loop.add_signal_handler(signal.SIGHUP, app.reload)

    def drain() -> None:
        if app.condition.serving and app.draining is not None:
            app.draining.begin("SIGUSR1")
        else:
            on_signal("SIGUSR1")

    loop.add_signal_handler(signal.SIGUSR1, drain)
    try:
        async with app.running():
            await stop.wait()
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        return 1 if app.condition.serving else 0
    log.info("stopped")
    return 1 if app.condition.died else 0
