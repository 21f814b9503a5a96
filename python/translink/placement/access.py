"""Where NATS is and how it is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """Addresses and credentials. Its `repr` has no secret."""

    urls: tuple[str, ...]
    """`nats://host:port` or `tls://host:port`, of one cluster, without credentials."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    credentials: Path | None = None
    """A `.creds` file, as `nsc` writes it."""
    tls_ca: Path | None = None
    """PEM file of those who sign the servers' certificates; None: whom the system trusts."""
    replicas: int = 1
    """Servers of the cluster that keep what is shared."""

    def in_turn(self) -> Iterator[str]:
        """The addresses round and round, from any of them on, so that not all nodes ask the first."""
        at = random.randrange(len(self.urls))
        while True:
            yield self.urls[at % len(self.urls)]
            at += 1
