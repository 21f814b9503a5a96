"""A real Asterisk on loopback, in the root that `tools/pbx-root` makes; and telephones in it.

A telephone is a `Local/` channel: its one half says a recording and writes down what it hears
(MixMonitor's `r()`, which was measured to be trustworthy), its other half dials. So what counts is what
Asterisk heard, not what translink believes it said.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import pytest

from tests.support.paths import ROOT
from translink._core import BeaconDecoder, beacon_encode
from translink.callers.ports import claim_block, free_port

USER, PASSWORD = "translink", "a-password-of-tests"
BOOT = 60.0
"""Seconds that Asterisk may take to be up on a busy machine; two are usual."""
MODULES = """
res_sorcery_astdb res_timing_timerfd res_pjproject res_rtp_multicast app_chanspy func_cut
func_groupcount func_uri res_sorcery_config res_sorcery_memory res_http_websocket
res_websocket_client res_stasis res_stasis_answer res_stasis_playback res_stasis_recording
res_stasis_snoop res_stasis_device_state res_ari res_ari_model res_ari_applications
res_ari_asterisk res_ari_bridges res_ari_channels res_ari_endpoints res_ari_events
res_ari_playbacks res_ari_recordings app_stasis res_rtp_asterisk chan_rtp res_audiosocket
chan_audiosocket app_audiosocket chan_websocket bridge_simple bridge_softmix bridge_holding
bridge_native_rtp bridge_builtin_features codec_alaw codec_ulaw codec_a_mu codec_g722
codec_resample format_sln format_wav format_pcm res_pjsip res_pjsip_session res_pjsip_sdp_rtp
res_pjsip_endpoint_identifier_ip res_pjsip_pubsub res_pjsip_refer res_pjsip_caller_id chan_pjsip
res_srtp app_transfer
app_dial app_echo app_playback app_mixmonitor app_verbose app_senddtmf app_playtones pbx_config
func_channel func_callerid func_logic func_strings func_global func_periodic_hook
"""
DIALPLAN = """
[in]
exten => _[0-9].,1,Stasis(${IF($["${APP}" = ""]?translink:${APP})},${EXTEN})
 same => n,GotoIf($["${STASISSTATUS}" = "FAILED"]?failed,1)
 same => n,Hangup()
exten => _call-.,1,Stasis(translink,${CUT(EXTEN,-,2)},${CUT(EXTEN,-,3)})
 same => n,Hangup()
exten => _dial-.,1,Set(ENDPOINT=Local/${CUT(EXTEN,-,2)}@answerers/n)
 same => n,Stasis(translink,dial,${ENDPOINT},en,fr,6)
 same => n,Hangup()
exten => app,1,Answer()
 same => n,AudioSocket(${UUID},127.0.0.1:${PORT})
 same => n,Hangup()
exten => _ws-.,1,Dial(WebSocket/leg${CUT(EXTEN,-,2)}/c(${CUT(EXTEN,-,3)})${WSOPTIONS})
 same => n,Hangup()
exten => dialled,1,Dial(AudioSocket/127.0.0.1:${PORT}/${UUID}/c(slin16))
 same => n,Hangup()
exten => carol,1,Goto(answerers,talk,1)
exten => failed,1,Set(GLOBAL(FAILED)=yes)
 same => n,Hangup()

[talkers]
exten => talk,1,Answer()
 same => n,MixMonitor(${FOLDER}/mixed-${WHO}.wav,r(${FOLDER}/heard-${WHO}.sln16))
 same => n,Wait(${FIRST})
 same => n,Playback(${FOLDER}/says-${WHO})
 same => n,Wait(${LAST})
 same => n,Hangup()

exten => keys,1,Answer()
 same => n,Wait(${FIRST})
 same => n,SendDTMF(29,500)
 same => n,Wait(${LAST})
 same => n,Hangup()

exten => transfers,1,Answer()
 same => n,Wait(${FIRST})
 same => n,Transfer(PJSIP/sip:carol@127.0.0.1:${SIP_PORT})
 same => n,Set(GLOBAL(TRANSFER)=${TRANSFERSTATUS})
 same => n,Wait(1)
 same => n,Hangup()

exten => steered,1,Answer()
 same => n,Stasis(phones)
 same => n,Goto(talk,1)

[answerers]
exten => talk,1,Wait(1)
 same => n,Set(WHO=${CALLED_WHO})
 same => n,Set(FIRST=${CALLED_FIRST})
 same => n,Set(LAST=${CALLED_LAST})
 same => n,Goto(talkers,talk,1)
exten => busy,1,Busy(1)
exten => never,1,Ringing()
 same => n,Wait(60)
"""


SIP = """
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[loop]
type = endpoint
transport = udp
context = in
disallow = all
allow = {codec}
aors = loop
direct_media = no
moh_passthrough = yes
[loop]
type = aor
contact = sip:127.0.0.1:{port}
[loop]
type = identify
endpoint = loop
match = 127.0.0.1
"""
"""A telephone line from Asterisk to itself: SIP and RTP between its two ends are real."""


class Asterisk:
    """One that runs. Use as an async context manager."""

    def __init__(self, root: Path, codec: str = "g722", outbound: int = 0) -> None:
        """`outbound` = a port on loopback to which it connects with the application `outbound`."""
        self._outbound = outbound
        self.codec = codec
        """Of telephones with SIP."""
        self.http = free_port(socket.SOCK_STREAM)
        self.websockets = free_port(socket.SOCK_STREAM)
        """Port that `chan_websocket` connects to, for legs 3333, 4444 and 5555."""
        self.asked = [free_port(socket.SOCK_STREAM) for _ in range(2)]
        """Ports that it connects to for `ari.media = "websocket"`, section `askedPORT`."""
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self.http}"
        """As `ari.url` takes it, with the password."""
        self._sip = free_port(socket.SOCK_DGRAM)
        self._root = root
        self._folder = Path(tempfile.mkdtemp(prefix="translink-", dir=root / "tmp"))
        self._inside = "/" + str(self._folder.relative_to(root))
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._names = itertools.count(1)
        self._write()

    async def __aenter__(self) -> Asterisk:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}
        )
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start it (again), and wait until ARI answers."""
        self._launch()
        end = time.monotonic() + BOOT
        while await self._status() != 200:
            assert time.monotonic() < end, self.log()
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            await asyncio.sleep(0.1)

    def _launch(self) -> None:
        with (self._folder / "console").open("ab") as out:
            self._process = subprocess.Popen(
                [
                    "chroot",
                    self._root,
                    "asterisk",
                    "-f",
                    "-n",
                    "-C",
                    f"{self._inside}/asterisk.conf",
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a crash would end it."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def close(self) -> None:
        """Nothing is left."""
        if self._process is not None:
            self.kill()
        if self._session is not None:
            await self._session.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self) -> str:
        """What it wrote."""
        files = [self._folder / "console", self._folder / "messages"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())[-8_000:]

    async def add_dialplan(self, text: str) -> None:
        """More of extensions.conf."""
        (self._folder / "extensions.conf").write_text(DIALPLAN + text)
        assert await self.ask("PUT", "/asterisk/modules/pbx_config.so") == 204

    async def get(self, path: str) -> Any:
        """A resource of ARI."""
        return await self.ask("GET", path)

    async def ask(self, method: str, path: str, **given: Any) -> Any:
        """What ARI answers."""
        assert self._session is not None
        url = f"http://127.0.0.1:{self.http}/ari{path}"
        async with self._session.request(method, url, **given) as answer:
            return await answer.json() if answer.status == 200 else answer.status

    @contextlib.asynccontextmanager
    async def events(self, app: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An event socket of somebody else."""
        assert self._session is not None
        url = f"http://127.0.0.1:{self.http}/ari/events?app={app}"
        async with self._session.ws_connect(url) as events:
            yield events

    async def variable(self, name: str) -> str:
        """A global one of the dialplan."""
        got = await self.get(f"/asterisk/variable?variable={name}")
        return str(got["value"])

    async def left(self) -> dict[str, list[str]]:
        """Channels and bridges that there are."""
        channels, bridges = await self.get("/channels"), await self.get("/bridges")
        return {
            "channels": [each["name"] for each in channels],
            "bridges": [each["id"] for each in bridges],
        }

    async def hang_up_all(self) -> None:
        """Every telephone."""
        with contextlib.suppress(aiohttp.ClientError):
            for each in await self.get("/channels"):
                if str(each["id"]).startswith("phone-"):
                    await self.ask("DELETE", f"/channels/{each['id']}")

    async def empty(self, patience: float = 10.0) -> None:
        """Until no channel and no bridge is left."""
        end = time.monotonic() + patience
        while any((left := await self.left()).values()):
            assert time.monotonic() < end, left
            await asyncio.sleep(0.2)

    async def dial(
        self,
        extension: str,
        words: list[int] | None = None,
        *,
        first: float = 2.0,
        last: float = 6.0,
        variables: dict[str, str] | None = None,
        does: str = "talk",
        sip: bool = False,
    ) -> Telephone:
        """A telephone dials an extension of `[in]`; when it is answered, it is quiet for `first`
        seconds, says its words, is quiet for `last` and hangs up. One that is `steered` instead of
        talking waits in the application `phones` for what ARI wants of it. `sip`: a telephone with SIP
        and RTP, of the codec `codec`, whose variables end at its own half."""
        telephone = self.telephone(words, first=first, last=last)
        where = extension if "@" in extension else f"{extension}@in"
        await self.ask(
            "POST",
            "/channels",
            params={
                "endpoint": f"PJSIP/{extension}@loop" if sip else f"Local/{where}/n",
                "context": "talkers",
                "extension": does,
                "priority": "1",
                "formats": self.codec if sip else "slin16",
                "channelId": telephone.channel,
                "otherChannelId": f"{telephone.channel}-far",
                "timeout": "30",
            },
            json={"variables": telephone.variables | (variables or {})},
        )
        return telephone

    def telephone(
        self, words: list[int] | None = None, *, first: float = 1.0, last: float = 6.0
    ) -> Telephone:
        """One that has not dialled."""
        who = f"t{next(self._names)}"
        quiet = bytes(6_400)
        pcm = quiet + b"".join(spoken(word) for word in words or ()) + quiet
        (self._folder / f"says-{who}.sln16").write_bytes(pcm)
        return Telephone(self, who, self._folder, self._inside, first, last)

    async def answers(self, extension: str, telephone: Telephone) -> None:
        """What the extension `carol` does, whoever is connected to it: as no variable of a channel goes with
        a transfer, these are for all."""
        given = telephone.called | {"FOLDER": self._inside, "SIP_PORT": str(self._sip)}
        for name, value in given.items():
            params = {"variable": name.strip("_"), "value": value}
            assert await self.ask("POST", "/asterisk/variable", params=params) == 204

    async def _status(self) -> int:
        assert self._session is not None
        url = f"http://127.0.0.1:{self.http}/ari/asterisk/info"
        with contextlib.suppress(aiohttp.ClientError):
            async with self._session.get(url) as answer:
                return answer.status
        return 0

    def _write(self) -> None:
        inside = self._inside
        names = ("etc", "varlib", "db", "key", "spool", "run", "log", "cache")
        directories = "\n".join(f"ast{name}dir => {inside}" for name in names)
        rtp = claim_block()
        files = {
            "asterisk.conf": f"[directories]\n{directories}\n[options]\nlive_dangerously = no\n",
            "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
            "http.conf": f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {self.http}\n",
            "ari.conf": "[general]\nenabled = yes\n"
            f"[{USER}]\ntype = user\nread_only = no\npassword = {PASSWORD}\n",
            "websocket_client.conf": "".join(
                f"[leg{leg}]\ntype = websocket_client\nconnection_type = per_call_config\n"
                f"uri = ws://127.0.0.1:{self.websockets}/media/{leg}\nprotocols = media\n"
                f"username = asterisk\npassword = {PASSWORD}\n"
                for leg in ("3333", "4444", "5555")
            )
            + "".join(
                f"[asked{port}]\ntype = websocket_client\nconnection_type = per_call_config\n"
                f"uri = ws://127.0.0.1:{port}/media/ari\nprotocols = media\n"
                for port in self.asked
            ),
            "rtp.conf": f"[general]\nrtpstart = {rtp[0]}\nrtpend = {rtp[-1]}\n",
            "modules.conf": "[modules]\nautoload = no\n"
            + "".join(f"load = {module}.so\n" for module in MODULES.split()),
            "extensions.conf": DIALPLAN,
            "pjsip.conf": SIP.format(port=self._sip, codec=self.codec),
        }
        if self._outbound:
            files["websocket_client.conf"] = (
                "[here]\ntype = websocket_client\nconnection_type = persistent\n"
                f"uri = ws://127.0.0.1:{self._outbound}/ari\nprotocols = ari\n"
                f"username = {USER}\npassword = {PASSWORD}\n"
            )
            files["ari.conf"] += (
                "[there]\ntype = outbound_websocket\nwebsocket_client_id = here\n"
                f"apps = outbound\nlocal_ari_user = {USER}\n"
            )
        for name, text in files.items():
            (self._folder / name).write_text(text)


@dataclass
class Telephone:
    """Somebody who says words and whose ear is recorded by Asterisk."""

    asterisk: Asterisk
    who: str
    folder: Path
    inside: str
    first: float
    last: float

    @property
    def channel(self) -> str:
        """Id of the half that talks."""
        return f"phone-{self.who}"

    @property
    def variables(self) -> dict[str, str]:
        """What its dialplan gets."""
        return {
            "__WHO": self.who,
            "__FOLDER": self.inside,
            "__FIRST": str(self.first),
            "__LAST": str(self.last),
        }

    def heard(self) -> list[int]:
        """The words that Asterisk recorded at its ear so far."""
        decoder = BeaconDecoder()
        found = [*decoder.push(self.recording()), *decoder.finish()]
        return [number for number, _, _ in found]

    def recording(self) -> bytes:
        """What Asterisk recorded at its ear so far: s16le of 16 kHz."""
        file = self.folder / f"heard-{self.who}.sln16"
        return file.read_bytes() if file.exists() else b""

    async def state(self) -> str:
        """`Up`, `Ring`, …; empty: it is gone."""
        got = await self.asterisk.get(f"/channels/{self.channel}")
        return str(got["state"]) if isinstance(got, dict) else ""

    @property
    def called(self) -> dict[str, str]:
        """What the dialplan of a caller gets."""
        return {f"__CALLED_{name.strip('_')}": value for name, value in self.variables.items()}

    async def hang_up(self) -> None:
        await self.asterisk.ask("DELETE", f"/channels/{self.channel}")


def spoken(number: int) -> bytes:
    """A beacon word at half its usual peak. At the usual one G.722 itself damages one in 1,600 of these numbers, as
    what was said before it makes its predictor stand; at this one none of 4,800 (ffmpeg's coder and decoder)."""
    return beacon_encode(number, amplitude=4_000)


def pbx_root() -> Path:
    """The root; the test is skipped, loudly, where it cannot be made."""
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "pbx-root"], capture_output=True, text=True, check=False
    )
    if made.returncode == 3:
        pytest.skip(f"NO CALL WITH A REAL ASTERISK WAS MADE: {made.stderr.strip()}")
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())
