"""What an operator pastes into their telephone system, made from the settings in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from translink.settings.types import Address, reached_at

if TYPE_CHECKING:
    from translink.settings.model import Settings
    from translink.settings.telephony import AriSettings

USUAL_WEBSOCKET = Address("127.0.0.1", 9093)
"""Where `websocket.listen` is not set yet."""
USUAL_ARI = Address("127.0.0.1", 8088)
"""Where `ari.url` is not set yet."""
ASTERISK_SETUP = """\
; --- http.conf, in its [general] ---
[general]
enabled = yes
bindaddr = {host}
bindport = {port}

; --- ari.conf, the first lines in its [general] ---
[general]
enabled = yes

[{user}]
type = user
read_only = no
password = CHOOSE-A-PASSWORD

; Then:  asterisk -rx 'core reload'
;        translink serve --ari {url}
; with the password in the environment: TRANSLINK_ARI__PASSWORD=CHOOSE-A-PASSWORD
"""
OUTBOUND_SETUP = """\
; --- websocket_client.conf (Asterisk 22.5 and later; http.conf is not needed) ---
[{client}-events]
type = websocket_client
connection_type = persistent
uri = ws://{at}/ari
protocols = ari
username = {user}
password = CHOOSE-A-PASSWORD

; --- ari.conf ---
[general]
enabled = yes

[translink-local]
type = user
read_only = no
password = CHOOSE-ANOTHER-PASSWORD

[translink]
type = outbound_websocket
websocket_client_id = {client}-events
apps = {app}
local_ari_user = translink-local

; Then:  asterisk -rx 'module reload res_websocket_client.so'
;        asterisk -rx 'module reload res_ari.so'
;        translink serve --set ari.listen={at}
; with the password in the environment: TRANSLINK_ARI__PASSWORD=CHOOSE-A-PASSWORD
"""
WEBSOCKET_SETUP = """\
; --- websocket_client.conf, for the audio (Asterisk 20.18, 22.8, 23.2 or later) ---
[{client}]
type = websocket_client
connection_type = per_call_config
uri = ws://{at}/media/ari
protocols = media
"""
WEBSOCKET_PASSWORD = """\
username = asterisk
password = THE-ONE-OF-websocket.password
"""
LEG_WITHOUT_LISTEN = '; [[legs]]\n; name = "3333"\n; language = "en"'
FREESWITCH_HEAD = """\
<!-- dialplan: the call waits while translink has its audio -->
<extension name="translink">
  <condition field="destination_number" expression="^({names})$">
    <action application="answer"/>
    <action application="park"/>
  </condition>
</extension>

On the event socket, for each call (with its uuid and the leg it dialled), as FreeSWITCH's core
understands it: headerless 16-bit PCM over UDP, both ways. A call of 8 kHz needs a leg with rate = 8000.
"""


def asterisk(settings: Settings) -> str:
    """Lines for extensions.conf, http.conf, ari.conf and websocket_client.conf."""
    return "\n".join(_asterisk(settings))


def freeswitch(settings: Settings) -> str:
    """A dialplan entry, and a message of the event socket for each leg."""
    return "\n".join(_freeswitch(settings))


def _asterisk(settings: Settings) -> Iterator[str]:
    app = settings.ari.app
    yield "; --- extensions.conf, in the context of your telephones ---"
    known = [leg.name for leg in settings.legs]
    brought = [leg.name for leg in settings.legs if leg.at_pbx]
    names = brought or [name for name in ("3333", "4444") if name in known]
    if not names:
        yield f"; Stasis({app},LEG) needs legs without a listen, as in\n{LEG_WITHOUT_LISTEN}"
    for name in names:
        yield f"exten => {name},1,Stasis({app},{name})"
        yield from _where_translink_is_not()
    # Of a leg whose language is to be found, the first that it may be: `dial` takes no other.
    one, two = (settings.leg(name).languages[0] for name in settings.pairs[0])
    yield ""
    yield f"; 8 and a number: call it, speak {one}, they speak {two}"
    yield "; (FILTER: by a comma or an @ a telephone could choose the language, the vendors or the trunk)"
    number = "${FILTER(0-9,${EXTEN:1})}"
    yield f"exten => _8X.,1,Stasis({app},dial,PJSIP/{number},{one},{two},30)"
    yield from _where_translink_is_not()
    yield ""
    if names:
        yield f"; Any number of calls at once: everybody with the same word after {names[0]} meets"
        yield f"; exten => _7X.,1,Stasis({app},{names[0]},${{EXTEN:1}})"
        yield f"; exten => _6X.,1,Stasis({app},{settings.other(names[0]).name},${{EXTEN:1}})"
        yield ""
    ari = settings.ari
    if ari.listen is None:
        yield _server(ari)
    else:
        at = _from_there(ari.listen, settings)
        # Asterisk loads nothing of a file in which two sections have one name: see WEBSOCKET_SETUP.
        client = ari.websocket_client
        yield OUTBOUND_SETUP.format(client=client, user=ari.user, app=ari.app, at=at)
    if ari.media == "websocket":
        at = _from_there(settings.websocket.listen or USUAL_WEBSOCKET, settings)
        yield WEBSOCKET_SETUP.format(client=ari.websocket_client, at=at)
        if settings.websocket.password is not None:
            yield WEBSOCKET_PASSWORD
    if settings.audiosocket.listen is not None:
        yield from _without_ari(
            _from_there(settings.audiosocket.listen, settings), brought, settings
        )


def _without_ari(at: Address, brought: list[str], settings: Settings) -> Iterator[str]:
    yield "; --- or, without ARI, in extensions.conf ---"
    if not brought:
        yield f"; AudioSocket needs legs without a listen, as in\n{LEG_WITHOUT_LISTEN}"
        return
    yield "; Before Asterisk 20.17, 21.12, 22.7 and 23.1 with c(slin): slin16 would come at half speed"
    for name in brought:
        if (uuid := _uuid_of(name, settings)) is None:
            yield f"; {name} needs a UUID in [audiosocket.legs]"
            continue
        yield f"; exten => {name},1,Dial(AudioSocket/{at}/{uuid}/c(slin16))"
        yield f"; or, at 8 kHz:\n; exten => {name},1,Answer()\n;  same => n,AudioSocket({uuid},{at})"


def _uuid_of(name: str, settings: Settings) -> str | None:
    """What a connection says to be at this leg; None: nothing yet, since its name cannot be part of a UUID."""
    for uuid, leg in settings.audiosocket.legs.items():
        if leg == name:
            return uuid
    if not re.fullmatch(r"[0-9A-Fa-f]{1,12}", name):
        return None
    return f"40325ec2-5efd-4bd3-805f-{name.lower().rjust(12, '0')}"


def _server(ari: AriSettings) -> str:
    """Asterisk's HTTP server, where `ari.url` says that it is."""
    url = ari.url or f"http://{USUAL_ARI}"
    parts, at = urlsplit(url), USUAL_ARI
    if parts.scheme == "http":  # else what ends TLS stands in front of it
        at = Address(parts.hostname or at.host, parts.port or 80)
    return ASTERISK_SETUP.format(user=ari.user, host=at.host, port=at.port, url=url)


def _from_there(at: Address, settings: Settings) -> Address:
    """Where Asterisk reaches what listens there."""
    return at._replace(host=reached_at(at.host, settings.ari.host))


def _where_translink_is_not() -> Iterator[str]:
    yield ' same => n,ExecIf($["${STASISSTATUS}" = "FAILED"]?Congestion(5)) ; translink is not there'
    yield " same => n,Hangup()"


def _freeswitch(settings: Settings) -> Iterator[str]:
    legs = [leg for leg in settings.legs if not (leg.at_pbx or leg.shared)]
    if not legs:
        yield "FreeSWITCH needs legs with a listen of their own, as in"
        yield '[[legs]]\nname = "3333"\nlanguage = "en"\nlisten = "127.0.0.1:6120"'
        yield 'play_to = "127.0.0.1:6121"\nrate = 8000'
        return
    yield FREESWITCH_HEAD.format(names="|".join(leg.name for leg in legs))
    for leg in legs:
        yield f"sendmsg UUID-OF-THE-CALL-TO-{leg.name}"
        yield "call-command: unicast"
        if (
            leg.play_to is None
        ):  # its ear is where it sends from, which is another port in each call
            yield "local-ip: FREESWITCHS-ADDRESS\nlocal-port: A-FREE-UDP-PORT-FOR-EACH-CALL"
        else:
            yield f"local-ip: {leg.play_to.host}\nlocal-port: {leg.play_to.port}"
        there = reached_at(leg.listen.host, "TRANSLINKS-ADDRESS")
        yield f"remote-ip: {there}\nremote-port: {leg.listen.port}"
        yield "transport: udp"
        yield ""
