"""Where one of the services is, and with which key."""

from __future__ import annotations

from translink.credentials import named_key, named_url

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


def without_version(base_url: str) -> str:
    """`http://host/v1/`, as other programs have it, without `/v1`."""
    return base_url.strip().rstrip("/").removesuffix("/v1")
