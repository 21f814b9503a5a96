"""HTTPS, with certificates made here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import structlog
import trustme

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access import connections
from translink.admin.access.tls import Certificate
from translink.errors import SettingsError
from translink.settings.admin import AdminSettings

TOKEN = "0123456789abcdef"


class Files:
    """A certificate of an authority of our own."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.cert = folder / "cert.pem"
        self.key = folder / "key.pem"
        self.renew()

    def renew(self) -> None:
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def trusting(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if version is not None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
async def secure(program: Program, files: Files) -> AsyncIterator[AdminServer]:
    settings = AdminSettings(
        port=0,
        token=TOKEN,
        tls_cert=files.cert,
        tls_key=files.key,
    )
    server = AdminServer.from_settings(program, settings)
    await server.start()
    yield server
    await server.close()


async def test_it_is_served_over_tls(
    secure: AdminServer, files: Files, http: aiohttp.ClientSession
) -> None:
    assert secure.url.startswith("https://")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    trust = files.trusting()
    async with http.get(secure.url + "/api/stats", headers=bearer, ssl=trust) as answer:
        assert answer.status == 200
    async with http.post(
        secure.url + "/login", json={"token": TOKEN}, ssl=files.trusting()
    ) as answer:
        (cookie,) = answer.cookies.values()
        assert cookie["secure"]
        assert cookie.key.startswith("__Host-")
    plain = secure.url.replace("https", "http")
    with pytest.raises(aiohttp.ClientError):
        await http.get(plain + "/health")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(
    secure: AdminServer, files: Files, http: aiohttp.ClientSession
) -> None:
    trust = files.trusting(ssl.TLSVersion.TLSv1_1)
    with contextlib.suppress(ssl.SSLError):
        trust.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(secure.url + "/health", ssl=trust)
    assert Certificate(files.cert, files.key).context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_a_handshake_that_does_not_end_holds_no_place(
    program: Program, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ADMIN_REQUEST_TIME", 0.3)
    tls = Certificate(files.cert, files.key)
    server = AdminServer(program, port=0, tls=tls)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                while server.guard.counts()["connections"]:  # noqa: ASYNC110 - the server's state
                    await asyncio.sleep(0.05)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
    finally:
        await server.close()


async def test_a_handshake_counts_from_the_moment_it_is_accepted(
    secure: AdminServer, files: Files, http: aiohttp.ClientSession
) -> None:
    """1,300 connections that never shook hands took all of 1,024 descriptors."""
    assert secure.guard.connections is not None
    secure.guard.connections.most = 8
    before = len(os.listdir("/proc/self/fd"))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(60):
            _, writer = await asyncio.open_connection("127.0.0.1", secure.port)
            stack.callback(writer.close)
        async with asyncio.timeout(10):
            while secure.guard.counts()["connections_cut_off"] < 52:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert secure.guard.counts()["connections"] <= 8
        ours = len(os.listdir("/proc/self/fd")) - before - 60
        assert ours <= 8 + 4
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        async with http.get(
            secure.url + "/api/stats", headers=bearer, ssl=files.trusting()
        ) as answer:
            assert answer.status == 200


async def test_a_renewed_certificate_is_taken_without_a_restart(
    secure: AdminServer, files: Files
) -> None:
    async def serial() -> str:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", secure.port, ssl=files.trusting(), server_hostname="localhost"
        )
        shown: str = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        writer.close()
        await writer.wait_closed()
        return shown

    before = await serial()
    files.renew()
    secure.reload_certificate()
    renewed = await serial()
    assert renewed != before
    files.cert.write_text("not a certificate")
    with structlog.testing.capture_logs() as lines:
        secure.reload_certificate()
    assert [line["log_level"] for line in lines] == ["error"]
    assert await serial() == renewed


def test_a_file_that_does_not_serve_is_named_with_its_setting(files: Files, tmp_path: Path) -> None:
    other = Files(_folder(tmp_path / "other"))
    nothing = tmp_path / "nothing.pem"
    for cert, key, expected in (
        (nothing, files.key, rf"admin\.tls_cert = '{nothing}': cannot be read: No such file"),
        (files.cert, nothing, rf"admin\.tls_key = '{nothing}': cannot be read: No such file"),
        (files.cert, other.key, r"admin\.tls_key = .*is not the key of admin\.tls_cert"),
        (files.key, files.key, r"admin\.tls_cert = .*should be a PEM certificate"),
    ):
        with pytest.raises(SettingsError, match=expected):
            Certificate(cert, key)


def test_a_key_with_a_pass_phrase_is_refused_without_a_question(
    files: Files, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization

    plain = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"phrase"),
        )
    )
    with pytest.raises(SettingsError, match="encrypted; translink asks for no pass phrase"):
        Certificate(files.cert, files.key)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_that_we_may_not_read_is_named(files: Files) -> None:
    files.key.chmod(0)
    with pytest.raises(SettingsError, match=r"admin\.tls_key = .*Permission denied"):
        Certificate(files.cert, files.key)


def test_a_token_over_plain_http_is_warned_of(program: Program) -> None:
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False)):
        with structlog.testing.capture_logs() as lines:
            AdminServer.from_settings(program, AdminSettings(host=host, token=TOKEN))
        assert bool(["without TLS" in line["event"] for line in lines]) is warned


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_short_token_is_no_token_for_others_to_guess_at() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        AdminSettings(host="0.0.0.0", token="0123456789")
    assert AdminSettings(host="127.0.0.1", token="0123456789").token is not None


async def test_over_tls_an_event_stream_is_not_idle_and_a_silent_connection_is(
    secure: AdminServer,
    files: Files,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    trust = files.trusting()
    url = secure.url + "/api/events"
    async with http.ws_connect(url, headers=bearer, ssl=trust) as stream:
        await stream.receive_json()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", secure.port, ssl=files.trusting(), server_hostname="localhost"
        )
        monkeypatch.setattr(connections, "IDLE_TIME", 0.0)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        await stream.ping()
        assert not stream.closed
        assert secure.guard.counts()["connections_cut_off"] == 1
