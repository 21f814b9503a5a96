"""Where one of the services is, with which key, and what all its clients have."""

from __future__ import annotations

from translink.credentials import named_key, named_url
from translink.providers.http import Http

OPENAI_URL = "https://api.openai.com"


class OpenAiEndpoint:
    """A base URL and a key."""

    def __init__(self, base_url: str = OPENAI_URL, api_key: str = "") -> None:
        """`base_url`: with or without `/v1` at its end. `api_key`: empty for servers that ask for
        none.

        Raises:
            SettingsError: an unusable URL or key.
        """
        key = named_key(api_key, "openai.api_key")
        self._base = named_url(without_version(base_url), "openai.base_url")
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def url(self, path: str) -> str:
        """Of `path` below `/v1`."""
        return f"{self._base}/v1/{path}"


class OpenAiClient:
    """What the clients of all three services have: where to ask, for which model, as whom."""

    def __init__(
        self, http: Http, at: OpenAiEndpoint, *, model: str, timeout: float, name: str
    ) -> None:
        """`timeout`: seconds; of what, the service's own client says."""
        self.name = name
        self._http = http
        self._at = at
        self._model = model
        self._timeout = timeout

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(self._at.url("models"), count=count, headers=self._at.headers)


def without_version(base_url: str) -> str:
    """`http://host/v1/`, as other programs have it, without `/v1`."""
    return base_url.strip().rstrip("/").removesuffix("/v1")
