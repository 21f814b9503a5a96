"""Settings for an `App` of this process, whose providers are fakes."""

from __future__ import annotations

from pathlib import Path

from translink.settings.model import Settings


def settings_for(
    url: str,
    folder: Path,
    *more: str,
    token: str | None = None,
) -> Settings:
    """`url` = of both providers; `more` = as for `--set`; `token` = the admin API's. Both keys end in
    `0123456789abcdef`, which a test may look for where no secret belongs."""
    environ = {
        "DEEPGRAM_API_KEY": "dg-0123456789abcdef",
        "DEEPGRAM_BASE_URL": url,
        "DEEPL_API_KEY": "dl-0123456789abcdef",
        "DEEPL_SERVER_URL": url,
    }
    if token is not None:
        environ["TRANSLINK_ADMIN__TOKEN"] = token
    ports = [f"legs.{leg}.listen=127.0.0.1:0" for leg in ("3333", "4444")]
    flags = {"--set": ["admin.port=0", *ports, *more]}
    return Settings.load(environ=environ, flags=flags, directory=folder)
