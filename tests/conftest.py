"""What all tests share: uvloop, property tests of two strengths, the way to the shared material."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest
import pytest_asyncio
import structlog
import uvloop

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.aloud import Aloud
from tests.support.hanging import TEARDOWN, bounded
from tests.support.paths import SHARED
from tests.support.serve import Serve, ServerPlan
from tests.support.stillness import MachineStoodStill, Stillness
from tests.support.workers import ByFile, alone_file, longest_first, write_alone

# Until all tests are collected nothing of them is garbage; looking for it is a fifth of the time that takes.
gc.disable()

# The fast profile tries the same examples every time: a check of a change must not fail by luck.
hypothesis.settings.register_profile("fast", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile("slow", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# A traceback by rich takes a loop 200 ms and more, which the admin side then takes for a client's cost.
# The program has never used it.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])


def pytest_asyncio_loop_factories(
    config: pytest.Config,
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that serves calls."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Files, or parts of them, go to the next worker that is free."""
    return ByFile(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Failures are named as they happen."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Aloud(config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker learns where to write which tests run alone."""
    node.workerinput["alone_file"] = str(alone_file())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that ask for the most time go first: the workers then end together, not minutes apart."""
    longest_first(items)


@pytest.hookimpl(tryfirst=True)  # the scheduler reads it when it hears that collection is over
def pytest_collection_finish(session: pytest.Session) -> None:
    """Four thousand tests are not looked through at each collection of garbage."""
    given = getattr(session.config, "workerinput", {})
    if "alone_file" in given:
        write_alone(Path(given["alone_file"]), session.items)
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """No fixture waits for ever."""
    with bounded(TEARDOWN, item.config):
        if item.stash.get(STOOD_STILL, False):
            item.stash[STOOD_STILL] = False
            _end_module(item)
        return (yield)


def _end_module(item: pytest.Item) -> None:
    """What is run again begins with servers of its own: on the old ones the first attempt's call goes on, and its
    words and events are counted."""
    module = item.getparent(pytest.Module)
    assert module is not None
    # All but what is above the module ends, as before a test of another module.
    item.session._setupstate.teardown_exact(cast("pytest.Item", module.parent))


STOOD_STILL = pytest.StashKey[bool]()
_stillness = Stillness()


@contextlib.contextmanager
def _blamed(item: pytest.Item) -> Iterator[None]:
    try:
        with _stillness.blamed():
            yield
    except MachineStoodStill:
        item.stash[STOOD_STILL] = True
        raise


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """What fails while the machine stands still says so, and is run again."""
    with _blamed(pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """So does what fixtures do: one of them calls, and records what is heard."""
    with _blamed(item):
        return (yield)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the checkout")
    return SHARED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake() -> AsyncIterator[FakeProviders]:
    """The providers of a module's server."""
    async with fake_providers() as made:
        yield made


@pytest.fixture
async def own_fake() -> AsyncIterator[FakeProviders]:
    """The providers of one test."""
    async with fake_providers() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    request: pytest.FixtureRequest,
    fake: FakeProviders,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Serve]:
    """A `translink serve` for all tests of a module, as its `SERVER` says."""
    plan: ServerPlan = request.module.SERVER
    folder = tmp_path_factory.mktemp("serve")
    async with plan.served(folder, fake) as made:
        yield made


@pytest.fixture
def forgetful(fake: FakeProviders) -> None:
    """The providers remember nothing of the test before."""
    fake.forget()
