"""How many descriptors this process may have, and how many it needs.

A leg has two sockets and a stream; the customary soft limit of 1,024 ends at some 300 legs.
"""

from __future__ import annotations

import contextlib
import resource

from translink.errors import TranslinkError

SPARE_DESCRIPTORS = 320
"""256 connections of the admin server, logs, libraries, engines."""
DESCRIPTORS_A_LEG = 3
"""Two sockets and a stream."""


LEAST_DESCRIPTORS = 40
"""With 32 the local engines did not start (2 of 2): their pipes and two programs want more for a
moment. With 33, 34, 35, 36, 38 and 40 they did, once each."""


def refuse_few_descriptors() -> None:
    """Raises `TranslinkError` where nothing could run, before something fails that does not say why."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST_DESCRIPTORS:
        raise TranslinkError(
            f"{hard} descriptors are allowed, and nothing runs with fewer than {LEAST_DESCRIPTORS}:"
            " raise ulimit -Hn or LimitNOFILE="
        )


def allow_descriptors() -> None:
    """Lift the soft limit to the hard one, where that can be done."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors_needed(legs: int) -> int:
    """For so many legs and everything beside them."""
    return SPARE_DESCRIPTORS + DESCRIPTORS_A_LEG * legs


def descriptor_shortage(legs: int) -> str | None:
    """What lacks for so many legs, in words; None: nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = descriptors_needed(legs)
    if hard == resource.RLIM_INFINITY or hard >= need:
        return None
    return f"{hard} descriptors are allowed, {need} are needed for {legs} legs"
