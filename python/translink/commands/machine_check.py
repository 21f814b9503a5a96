"""What `translink check --live` looks at besides the providers: this machine's ports, certificate, descriptors
and clock."""

from __future__ import annotations

import email.utils
import errno
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import aiohttp
import orjson

from translink.admin.access.tls import Certificate
from translink.commands.addresses import addresses_of
from translink.errors import SettingsError
from translink.process.descriptors import descriptor_shortage, descriptors_needed
from translink.settings.types import Address
from translink.trust import authorities

if TYPE_CHECKING:
    from translink.settings.model import Settings
    from translink.wiring.endpoints import Endpoints

Cause = Literal["", "setting", "refused", "unreachable", "machine"]
"""Why a thing does not work; empty: it does."""

CLOCK_SECONDS = 5.0
"""How far this machine's clock may be from a provider's; TLS and transcripts bear more."""
RENEWAL_SECONDS = 7 * 86_400
"""A certificate that ends sooner is worth a warning."""
CLOCK_ANSWER = 5.0
"""Seconds for a provider's Date."""


@dataclass(frozen=True, slots=True)
class LiveFinding:
    """One thing that was tried."""

    what: str
    detail: str
    cause: Cause = ""
    mend: str = ""


async def look_at_ports(settings: Settings) -> list[LiveFinding]:
    """One finding where all is well, else one for each address that cannot be had."""
    taken = [
        (each, problem)
        for each in addresses_of(settings)
        if (problem := each.problem()) is not None
    ]
    if not taken:
        return [LiveFinding("ports", "all free")]
    in_use = all(problem.errno == errno.EADDRINUSE for _, problem in taken)
    if in_use and await _is_translink(settings):
        at = Address(settings.admin.host, settings.admin.port)
        return [LiveFinding("ports", f"in use by the translink that answers at {at}")]
    return [
        LiveFinding(
            each.setting,
            f"{each.at}: {problem.strerror}",
            "machine",
            each.mend if each.setting == "ari.host" else "choose another address",
        )
        for each, problem in taken
    ]


async def _is_translink(settings: Settings) -> bool:
    admin = settings.admin
    scheme = "https" if admin.serves_tls else "http"
    url = f"{scheme}://{Address(admin.host, admin.port).reached()}/health"
    patience = aiohttp.ClientTimeout(total=3.0)
    headers = {"Host": admin.own_host} if admin.own_host else {}
    try:
        async with (
            # Asked for its name only.
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=False), timeout=patience
            ) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            details = orjson.loads(await answer.content.read(65_536))
            return isinstance(details, dict) and "ok" in details
    except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError):
        return False


def look_at_certificate(settings: Settings) -> list[LiveFinding]:
    """Of `admin.tls_cert`; nothing where there is none."""
    cert = settings.admin.tls_cert
    if cert is None:
        return []
    try:
        context = Certificate(cert, settings.admin.tls_key).context
        left = certificate_seconds(context, str(cert), time.time())
    except SettingsError as error:
        return [LiveFinding("certificate", str(error), "machine")]
    except ssl.SSLError as error:
        return [LiveFinding("certificate", error.reason or "is refused", "machine", "renew it")]
    if left < RENEWAL_SECONDS:
        detail = f"ends in {left / 86_400:.1f} days"
        return [LiveFinding("certificate", detail, "machine", "renew it, then kill -HUP")]
    return [LiveFinding("certificate", f"good for {left / 86_400:.0f} days")]


def certificate_seconds(server: ssl.SSLContext, cert: str, now: float) -> float:
    """Seconds until it ends, found by a handshake within this process: the library tells the dates
    of a peer's certificate only. Raises `ssl.SSLError`, for one that has ended too."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cert)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    answering = server.wrap_bio(there, back, server_side=True)
    for side in (asking, answering, asking, answering):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    peer = asking.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(peer["notAfter"])) - now


def look_at_descriptors(settings: Settings) -> LiveFinding:
    """For all legs of the settings and of calls on request."""
    legs = len(settings.legs) + 2 * settings.calls.max_created
    if shortage := descriptor_shortage(legs):
        mend = f"ulimit -Hn {descriptors_needed(legs)}, or LimitNOFILE="
        return LiveFinding("descriptors", shortage, "machine", mend)
    return LiveFinding("descriptors", f"enough for {legs} legs")


def clocks_of(settings: Settings, at: Endpoints) -> list[str]:
    """URLs of servers whose clock is not this machine's own."""
    elsewhere = {
        "deepgram": None if at.deepgram_is_offline else at.deepgram_url,
        "deepl": None if at.deepl_is_offline else at.deepl_url or "https://api.deepl.com",
        "openai": settings.openai.base_url,
        "elevenlabs": settings.elevenlabs.base_url,
    }
    named = settings.named_vendors
    return [url for vendor, url in elsewhere.items() if url and vendor in named]


async def look_at_clock(urls: Sequence[str]) -> LiveFinding:
    """Against the Date of the first provider that tells one."""
    patience = aiohttp.ClientTimeout(total=CLOCK_ANSWER)
    for url in urls:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=authorities()), timeout=patience
                ) as session,
                session.get(url, allow_redirects=False) as answer,
            ):
                date = email.utils.parsedate_to_datetime(answer.headers.get("Date", ""))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            continue
        host = urlsplit(url).hostname
        ahead = time.time() - date.timestamp()
        if abs(ahead) > CLOCK_SECONDS:
            detail = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {host}'s"
            return LiveFinding("clock", detail, "machine", "set it, for instance with chrony")
        return LiveFinding("clock", f"as {host} has it")
    why = "no provider gave the time" if urls else "all engines are on this machine"
    return LiveFinding("clock", f"not compared: {why}")
