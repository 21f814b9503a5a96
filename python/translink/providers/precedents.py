"""What has worked before: tells a service that refuses everything from a request that is wrong.

A 404 or 400 says that the request is wrong. If the very same kind of request worked a minute ago,
the service is: a deployment that went astray, a proxy that lost its routes. Such a refusal passes,
and the request is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from translink.errors import Kind, ProviderError

PRECEDENTS_KEPT = 256
"""Provider and language, or pair of them. Clients that create calls may name ever new languages."""


def is_of_the_address(status: int) -> bool:
    """Whether a status (a redirect, 404, 405) says nothing of what was sent there. With another one, as
    with 400, a text may be refused for its own sake, however often others were translated."""
    return 300 <= status < 400 or status in (404, 405)


class Precedents:
    """What has worked since this process began, shared by all calls."""

    def __init__(self) -> None:
        self._worked: dict[tuple[str, str], None] = {}

    def note(self, provider: str, language: str) -> None:
        """A request of this provider and endpoint in this language had a result."""
        if (provider, language) not in self._worked:
            while len(self._worked) >= PRECEDENTS_KEPT:
                del self._worked[next(iter(self._worked))]
            self._worked[provider, language] = None

    @contextmanager
    def weighing(
        self, provider: str, language: str, *, only: Callable[[int], bool] | None = None
    ) -> Iterator[None]:
        """What is done in here works, which is noted, or its error is raised weighed; with `only`, if it has such
        a status."""
        try:
            yield
        except ProviderError as error:
            is_meant = only is None or (error.status is not None and only(error.status))
            weighed = self.weigh(error, provider, language) if is_meant else error
            if weighed is error:
                raise
            raise weighed from error
        self.note(provider, language)

    def weigh(self, error: ProviderError, provider: str, language: str) -> ProviderError:
        """`error`, or a TRANSIENT one in its place if it refuses what worked before."""
        if error.kind is not Kind.REFUSED or (provider, language) not in self._worked:
            return error
        return ProviderError(
            f"{error} (it worked before)",
            provider=error.provider,
            kind=Kind.TRANSIENT,
            status=error.status,
            retry_after=error.retry_after,
            request_id=error.request_id,
        )
