"""What a failure on the way is called: a process without descriptors blames itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from translink.errors import Kind
from translink.providers.http_errors import broken, refusal

PROGRAM = """
import asyncio, os, resource, socket, uvloop
from translink.errors import ProviderError
from translink.providers.deepgram.live import DeepgramLive
from translink.providers.http import Http

async def main():
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        url = f"http://127.0.0.1:{there.getsockname()[1]}"
        async with Http() as http:
            live = DeepgramLive(http, base_url=url, api_key="k", connect_timeout=5)
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, soft))
            taken = []
            try:
                while True:
                    taken.append(os.dup(0))
            except OSError:
                pass
            for ask in (
                lambda: http.request("GET", url, provider="p", within=5.0),
                lambda: live.connect("en"),
            ):
                try:
                    await ask()
                except ProviderError as error:
                    print(error.kind.value)
            for each in taken:
                os.close(each)

asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""


def test_no_descriptor_left_is_this_machines_shortage_for_both_kinds_of_connection() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["shortage", "shortage"], done.stderr


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"error": {"message": "No quota.", "code": "insufficient_quota"}}'),
        (401, b'{"detail": {"status": "quota_exceeded", "message": "0 credits remaining"}}'),
        (402, b""),
    ],
)
def test_an_account_with_nothing_left_wants_to_be_paid_whatever_it_is_called(
    status: int, body: bytes
) -> None:
    error = refusal("p", status, {}, body)
    assert (error.kind, error.status) == (Kind.DENIED, 402)
    assert str(error).startswith(f"p answered {status}"), "the log has what was said"


@pytest.mark.parametrize(
    ("exc", "timed_out"), [(TimeoutError(), True), (ConnectionResetError(), False)]
)
def test_a_time_out_is_told_from_a_reset(exc: Exception, timed_out: bool) -> None:
    assert broken("p", "request", exc).timed_out is timed_out
