"""What stands between an Asterisk and its first translated call, found out before it: for `check`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from translink.settings.types import is_loopback, reached_at
from translink.trust import authorities

if TYPE_CHECKING:
    from translink.settings.model import Settings
    from translink.settings.telephony import AriSettings

INQUIRY_TIME = 5.0
"""Seconds."""
MODULES_FOR_ALL = ("app_stasis", "res_ari_bridges", "res_ari_channels", "res_ari_events")
MODULES_FOR_MEDIUM = {
    "rtp": ("chan_rtp", "res_rtp_asterisk"),
    "audiosocket": ("chan_audiosocket", "res_audiosocket"),
    "websocket": ("chan_websocket", "res_websocket_client"),
}
MODULES_FOR_FORMAT = {
    "slin16": ("codec_resample",),
    "g722": ("codec_g722",),
    "alaw": ("codec_alaw",),
    "ulaw": ("codec_ulaw",),
}
SLIN16_SINCE: Mapping[int, int] = {20: 17, 21: 12, 22: 7, 23: 1}
"""Releases of Asterisk whose AudioSocket says that slin16 is slin16; before them all was called slin."""
WEBSOCKET_SINCE: Mapping[int, int] = {20: 18, 22: 8, 23: 2}
"""Releases whose externalMedia takes `transport_data`, by which we know whose connection it is."""


class Way(NamedTuple):
    """Where Asterisk is told to bring the audio."""

    host: str
    setting: str
    """That changes it."""


async def inquire(ari: AriSettings, way: Way | None = None) -> AsyncIterator[str]:
    """One line for each finding; nothing is changed there. `way`: see `addresses`."""
    if ari.listen is not None:
        at = ari.listen._replace(host=reached_at(ari.listen.host, ari.host))
        yield f"is to connect to ws://{at}/ari, application {ari.app} (translink dialplan)"
        yield from_and_to(ari)
    if ari.url is None or ari.password is None:
        return
    auth = aiohttp.encode_basic_auth(ari.user, ari.password.get_secret_value())
    timeout = aiohttp.ClientTimeout(total=INQUIRY_TIME)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=authorities()),
        headers={"Authorization": auth},
        timeout=timeout,
    ) as http:
        try:
            status, info = await _get(http, f"{ari.url}/ari/asterisk/info")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            yield f"CANNOT BE REACHED at {ari.url}: {str(error) or type(error).__name__}"
            return
        if status != 200:
            yield f"REFUSES at {ari.url}: {_meaning(status)}"
            return
        version = _version(info)
        yield f"Asterisk {version} at {ari.url}, application {ari.app}"
        for line in _too_old(ari, version):
            yield line
        _, modules = await _get(http, f"{ari.url}/ari/asterisk/modules")
        for line in _missing(ari, modules):
            yield line
        status, _ = await _get(http, f"{ari.url}/ari/applications/{ari.app}")
        if status == 200:
            yield (
                f"ANOTHER CLIENT has the application {ari.app}: a translink that runs, or one to stop; "
                "two take each other's calls (--ari-app)"
            )
    for line in addresses(ari, way):
        yield line
    yield from_and_to(ari)


def from_and_to(ari: AriSettings) -> str:
    """Which formats go which way. Asterisk drops dynamic payload types that come from us, and slin16
    has one: sent back as it came, it would be heard by nobody."""
    if ari.media != "rtp":
        name = {"audiosocket": "AudioSocket", "websocket": "WebSocket"}[ari.media]
        return f"audio: {ari.format} over {name}, both ways"
    reply = ari.reply or ("g722" if ari.format == "slin16" else ari.format)
    why = "; slin16 is ONE-WAY over RTP: it hears none" if ari.format == "slin16" else ""
    return f"audio: {ari.format} from Asterisk, {reply} to it, over RTP{why}"


def way_of(settings: Settings) -> Way:
    """Where Asterisk brings the audio."""
    ari, shared, at = settings.ari, settings.shared_port, settings.audiosocket.listen
    if settings.asterisk_shares_port and (host := shared.reached_at("")):
        return Way(host, "shared_port.advertise")
    if ari.media == "audiosocket" and at is not None and (host := reached_at(at.host, "")):
        return Way(host, "audiosocket.listen")
    return Way(ari.host, "ari.host")


def addresses(ari: AriSettings, way: Way | None = None) -> Iterator[str]:
    """Whether Asterisk would send the audio to itself. `way` = where it is told to; None = to `ari.host`."""
    if ari.media == "websocket":
        return  # its websocket_client.conf says where
    host = urlsplit(ari.url or "").hostname or ""
    ours, setting = way or (ari.host, "ari.host")
    if host and is_loopback(ours) and not is_loopback(host):
        yield (
            f"HEARS ITSELF: {ours}, where the audio is to go, is Asterisk's own machine to it, which is at "
            f"{host}; set {setting} to our address as it reaches it"
        )


def _too_old(ari: AriSettings, version: str) -> Iterator[str]:
    """What this Asterisk does not have yet."""
    slin16 = ari.media == "audiosocket" and ari.format == "slin16"
    if slin16 and _is_before(version, SLIN16_SINCE):
        yield (
            f"TOO OLD for slin16 over AudioSocket ({_releases(SLIN16_SINCE)}): it comes at half speed, and no "
            'word is understood; set ari.format = "slin"'
        )
    if ari.media == "websocket" and _is_before(version, WEBSOCKET_SINCE):
        yield (
            f"TOO OLD for audio over WebSocket ({_releases(WEBSOCKET_SINCE)}): no call would be "
            'connected; set ari.media = "rtp"'
        )


def _is_before(version: str, since: Mapping[int, int]) -> bool:
    """A version that is no release (`GIT-…`, `certified/…`) may have it."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return minor < since[major] if major in since else major < max(since)


def _releases(since: Mapping[int, int]) -> str:
    return ", ".join(f"{major}.{minor}" for major, minor in since.items()) + " or later"


def _missing(ari: AriSettings, modules: object) -> Iterator[str]:
    if not isinstance(modules, list):
        yield "does not tell its modules (res_ari_asterisk)"
        return
    running = {
        str(each.get("name", "")).removesuffix(".so")
        for each in modules
        if isinstance(each, dict) and each.get("status") == "Running"
    }
    wanted = [*MODULES_FOR_ALL, *MODULES_FOR_MEDIUM[ari.media]]
    for format in (ari.format, ari.reply or ("g722" if ari.format == "slin16" else "")):
        wanted += MODULES_FOR_FORMAT.get(format, ()) if ari.media == "rtp" else ()
    for module in dict.fromkeys(wanted):
        if module not in running:
            yield f"MISSES {module}: asterisk -rx 'module load {module}.so'"


def _version(info: object) -> str:
    system = info.get("system") if isinstance(info, dict) else None
    version = system.get("version") if isinstance(system, dict) else None
    return str(version or "?")


def _meaning(status: int) -> str:
    return {
        401: "wrong ari.user or ari.password",
        403: "this user may not",
        404: "ARI is off: enabled = yes in ari.conf and http.conf",
        503: "it is still booting",
    }.get(status, str(status))


async def _get(http: aiohttp.ClientSession, url: str) -> tuple[int, object]:
    async with http.get(url) as answer:
        return answer.status, await answer.json() if answer.status == 200 else None
