"""What is to be pasted into an Asterisk that connects to us. The rest makes a call in
`interop/test_asterisk`."""

from __future__ import annotations

from pathlib import Path

from translink.pbx.dialplan import asterisk
from translink.settings.model import Settings


def test_asterisk_is_told_where_to_connect_and_no_password(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word"}
    flags = {"--set": ["ari.listen=127.0.0.1:8089"]}
    settings = Settings.load(environ=given, flags=flags, directory=tmp_path)
    text = asterisk(settings)
    assert "uri = ws://127.0.0.1:8089/ari" in text
    assert "apps = translink" in text
    assert "http.conf ---" not in text
    assert "a-secret-word" not in text
