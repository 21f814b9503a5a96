"""Opening, closing, forking, resetting: nothing leaks, nothing hangs, nothing crosses calls."""

from __future__ import annotations

import ast
import contextlib
import errno
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from translink._core import Engine

from .kit import LOCAL, engine, udp

STUB = ROOT / "python" / "translink" / "_core.pyi"


def resources() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def soon(is_so: Callable[[], bool]) -> bool:
    """A thread that was joined is listed by the kernel for a moment yet."""
    end = time.monotonic() + 10.0
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_hundred_engines_leave_nothing_behind() -> None:
    before = resources()
    for _ in range(100):
        with engine() as (media, drainer), udp() as ear:
            media.add_leg(listen=LOCAL)
            media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        # The eventfds live as long as the object: a watcher may still be about to look.
        del media, drainer
    assert soon(lambda: resources() == before), (resources(), before)


def test_a_hundred_legs_leave_nothing_behind() -> None:
    with engine() as (media, _), udp() as ear:
        before = resources()
        for _ in range(100):
            leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
            address = media.local_address(leg)
            media.remove_leg(leg)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(address)
        assert resources() == before
        with pytest.raises(LookupError):
            media.counters(leg)


def test_the_thread_has_a_name_and_takes_no_signals() -> None:
    def media_threads() -> list[Path]:
        found = []
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # gone meanwhile
                if (task / "comm").read_text() == "translink-media\n":
                    found.append(task)
        return found

    with engine() as (media, _):
        # An answer from the thread: it has settled in.
        media.remove_leg(media.add_leg(listen=LOCAL))
        [thread] = media_threads()
        status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines())
        blocked = int(status["SigBlk"], 16)
        for signal in (1, 2, 10, 15, 17):
            assert blocked & (1 << (signal - 1))
    assert soon(lambda: not media_threads())


def test_close_is_final_and_may_be_repeated() -> None:
    media = Engine()
    leg = media.add_leg(listen=LOCAL)
    media.close()
    media.close()
    with pytest.raises(RuntimeError, match="closed"):
        media.add_leg(listen=LOCAL)
    with pytest.raises(RuntimeError, match="closed"):
        media.play(leg, 1, bytes(640))
    assert media.drain() == []


def test_any_thread_may_close() -> None:
    media = Engine()
    closers = [threading.Thread(target=media.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()


def test_the_interpreter_may_exit_without_closing() -> None:
    script = (
        "from translink._core import Engine\n"
        "keep = Engine()\n"
        "leg = keep.add_leg(listen=('127.0.0.1', 0), play_to=('127.0.0.1', 9))\n"
        "keep.play(leg, 1, bytes(320000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], timeout=10, check=True, capture_output=True
    )
    assert done.stderr == b""


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused_and_ends_cleanly() -> None:
    with engine() as (media, _):
        leg = media.add_leg(listen=LOCAL)
        child = os.fork()
        if child == 0:
            refused = 0
            for call in (media.drain, lambda: media.flush(leg), lambda: media.counters(leg)):
                try:
                    call()
                except RuntimeError as error:
                    refused += "fork" in str(error)
            media.close()
            os._exit(0 if refused == 3 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        media.flush(leg)


def test_nothing_of_one_call_reaches_the_next() -> None:
    with engine() as (media, drainer), udp() as talker, udp(timeout=0.3) as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), tail_ms=0)
        address = media.local_address(leg)
        media.play(leg, 1, b"\x07" * 320_000)
        talker.sendto(b"\x01" * 1000, address)
        assert drainer.until(lambda: len(drainer.frames) >= 1)
        for _ in range(20):
            talker.sendto(b"\x01" * 641, address)
        life = media.reset_leg(leg)
        assert drainer.until(lambda: any(s.kind == "flushed" for s in drainer.steps))
        heard = len(drainer.frames)
        assert media.history(leg, 0, 10**9)[1] == b""
        talker.sendto(b"\x02" * 640, address)
        assert drainer.until(lambda: any(f.life == life for f in drainer.frames))
        [new] = [f for f in drainer.frames if f.life == life]
        assert new.pcm == b"\x02" * 640
        assert all(f.life == life - 1 for f in drainer.frames[:heard])
        assert new.start >= drainer.frames[heard - 1].start + 320
        assert media.history(leg, 0, 10**9) == (new.start, new.pcm)
        assert media.play(leg, 2, b"\x08" * 640, True) == 640
        while (datagram := ear.recv(2048))[0] == 7:
            pass
        assert datagram == b"\x08" * 640


def test_what_is_given_of_a_leg_is_what_the_stub_says() -> None:
    [counters] = [
        node
        for node in ast.walk(ast.parse(STUB.read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "LegCounters"
    ]
    said = [node.target for node in counters.body if isinstance(node, ast.AnnAssign)]
    with engine() as (media, _):
        reported = media.counters(media.add_leg(listen=LOCAL))
    assert {name.id for name in said if isinstance(name, ast.Name)} == set(reported)


def test_what_a_call_left_behind_is_counted() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        assert media.play(leg, 1, bytes(1280)) == 1280
        media.reset_leg(leg)
        assert drainer.until(lambda: [s.kind for s in drainer.steps] == ["flushed"])
        media.play(leg, 1, bytes(100), True)
        assert drainer.until(lambda: media.counters(leg)["drops_stale"] == 100)
        counters = media.counters(leg)
        assert (counters["resets"], counters["drops_flushed"]) == (1, 1280)
        assert counters["playout_queued"] == counters["clock_resets"] == 0


def test_legs_cost_memory_for_what_they_carry_not_for_what_they_may() -> None:
    arguments = [sys.executable, "-m", "benches.rows.bench_memory", "50"]
    grown: dict[str, float] = json.loads(subprocess.check_output(arguments, cwd=ROOT))
    # An ear and a ledger are 1,900 KiB each when full. Measured: 12, 70, 28.
    assert grown["idle"] < 200
    assert grown["heard"] < 300
    assert grown["spoke"] < 300


def test_out_of_descriptors_refuses_the_leg_and_leaks_none() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with engine() as (media, drainer), udp() as talker, udp() as ear:
        leg = media.add_leg(listen=LOCAL)
        before = resources()
        # The lowest number that is free is the next to be given: one socket fits, a leg has two.
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))
        try:
            for _ in range(10):
                with pytest.raises(OSError, match="Too many open files") as refused:
                    media.add_leg(listen=LOCAL, play_to=ear.getsockname())
                assert refused.value.errno == errno.EMFILE
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert resources() == before
        talker.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 1)


def test_an_ear_that_cannot_be_sent_to_is_counted_and_ends_nothing() -> None:
    with engine() as (media, drainer), udp() as talker:
        # Refused by the kernel, as when an interface is down: the socket may not broadcast.
        leg = media.add_leg(listen=LOCAL, play_to=("255.255.255.255", 9))
        media.play(leg, 1, bytes(6400), True)
        assert drainer.until(lambda: any(s.kind == "finished" for s in drainer.steps))
        talker.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 1)
        counters = media.counters(leg)
        assert (counters["errors_send"], counters["datagrams_out"]) == (10, 0)
        assert counters["playout_queued"] == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen", ("127.0.0.1", 70_000)),
        ("playout_seconds", -1.0),
        ("ledger_seconds", float("nan")),
        ("prebuffer_ms", 60_000),
        ("receive_buffer", 10),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: object) -> None:
    with engine() as (media, _):
        settings: dict[str, object] = {"listen": LOCAL, setting: value}
        with pytest.raises((ValueError, OverflowError)):
            media.add_leg(**settings)  # type: ignore[arg-type]


def test_a_mailbox_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        Engine(mailbox=1)


OUT_OF_MEMORY = """
import resource, socket, sys, time
from translink._core import Engine

engine = Engine(mailbox=64)
first = engine.add_leg(listen=("127.0.0.1", 0), ledger_seconds=5)
talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def hear(frames):
    talker.sendto(bytes(640), engine.local_address(first))
    end = time.monotonic() + 5
    while engine.counters(first)["frames_in"] < frames and time.monotonic() < end:
        time.sleep(0.01)
    return engine.counters(first)["frames_in"]


engine.remove_leg(engine.add_leg(listen=("127.0.0.1", 0)))
hear(1)  # The engine's thread has worked, and has its 64 MB of address space.
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[1]) << 20), -1))
legs = []
try:
    while len(legs) < 100:
        legs.append(engine.add_leg(listen=("127.0.0.1", 0)))
except MemoryError as error:
    print(error, len(legs) > 0)
print(hear(2))
for leg in legs:
    engine.remove_leg(leg)
print(engine.add_leg(listen=("127.0.0.1", 0)) > 0)
"""


@pytest.mark.parametrize("megabytes", [48, 49, 50, 51])
def test_out_of_memory_a_leg_is_refused_and_the_others_go_on(megabytes: int) -> None:
    # A leg takes some 4 MB, so these differ in what the last one leaves over.
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, str(megabytes)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["no memory for another leg True", "2", "True"],
    ), done.stderr
