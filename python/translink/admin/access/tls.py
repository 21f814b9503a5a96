"""TLS for the admin server: the context, and errors that name the setting."""

from __future__ import annotations

import ssl
from pathlib import Path

from translink.errors import SettingsError
from translink.settings.admin import AdminSettings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no others."""


class Certificate:
    """A certificate and its key in files, and the context that uses them."""

    def __init__(self, cert: Path, key: Path | None) -> None:
        """`key` None: it is in the same file. Raises `SettingsError` when they do not serve."""
        self._cert = cert
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers(CIPHERS)
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        self.load()

    @classmethod
    def from_settings(cls, admin: AdminSettings) -> Certificate | None:
        """The one that the settings name, if they name one. Raises `SettingsError`."""
        return cls(admin.tls_cert, admin.tls_key) if admin.tls_cert else None

    def load(self) -> None:
        """(Re)read the files; new connections get the new certificate. Raises `SettingsError`, and
        the old one stays in use."""
        for setting, path in (("admin.tls_cert", self._cert), ("admin.tls_key", self._key)):
            try:
                if path is not None:
                    path.read_bytes()
            except OSError as error:
                wrong = f"cannot be read: {error.strerror}"
                raise SettingsError(f"{setting} = '{path}': {wrong}") from None
        # Tried on a context of its own first: one that failed half-way has the new certificate
        # with the old key.
        for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
            try:
                context.load_cert_chain(self._cert, self._key, password=_no_pass_phrase)
            except (ssl.SSLError, OSError) as error:
                raise SettingsError(self._refusal(error)) from None

    def _refusal(self, error: OSError) -> str:
        reason = getattr(error, "reason", None) or ""
        if reason == "KEY_VALUES_MISMATCH":
            return f"admin.tls_key = '{self._key}': is not the key of admin.tls_cert"
        if isinstance(error, _Encrypted) or "DECRYPT" in reason or "PASSWORD" in reason:
            setting, path = (
                ("admin.tls_key", self._key) if self._key else ("admin.tls_cert", self._cert)
            )
            return f"{setting} = '{path}': the key is encrypted; translink asks for no pass phrase"
        both = f"'{self._cert}'" + (f" with admin.tls_key = '{self._key}'" if self._key else "")
        return (
            f"admin.tls_cert = {both}: should be a PEM certificate (chain) and its private key"
            + (f" ({reason.lower().replace('_', ' ')})" if reason else "")
        )


class _Encrypted(OSError):
    pass


def _no_pass_phrase() -> str:
    """Instead of OpenSSL's question on the terminal, which nobody would answer."""
    raise _Encrypted
