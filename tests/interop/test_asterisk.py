"""Calls with a real Asterisk: what it recorded at each ear holds every word once and in order, and
after each call nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.asterisk import PASSWORD, Asterisk, Telephone, pbx_root, spoken
from tests.support.serve import Serve, serving, until
from translink.callers.ports import free_port
from translink.pbx.dialplan import asterisk as asterisk_dialplan
from translink.pbx.inquiry import inquire
from translink.settings.model import Settings
from translink.settings.telephony import AriSettings

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]

WORDS = 10
NAMED = "11111111-2222-3333-4444-555555555555"
LEGS = """
[[legs]]
name = "3333"
language = "en"
[[legs]]
name = "4444"
language = "fr"
"""


@pytest.fixture(scope="module")
def root() -> Path:
    return pbx_root()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk(root: Path) -> AsyncIterator[Asterisk]:
    async with Asterisk(root) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def quiet(asterisk: Asterisk) -> AsyncIterator[None]:
    """A test that fails leaves no call to the next."""
    yield
    await asterisk.hang_up_all()


@contextlib.asynccontextmanager
async def translink(
    folder: Path, fake: FakeProviders, url: str, extra: str = ""
) -> AsyncIterator[Serve]:
    fake.sound = spoken
    extra = f'drain_timeout = 5.0\n[ari]\nurl = "{url}"\n{extra}\n{LEGS}'
    async with serving(folder, fake, [], extra=extra) as server:
        await until(lambda: server.lines("connected to Asterisk"), lambda: server.tail(20))
        yield server


@dataclass
class Pbx:
    """A translink and its Asterisk, with a wire between them that can be cut."""

    server: Serve
    relay: Relay
    sockets: int
    """Port for AudioSocket."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(
    asterisk: Asterisk, fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pbx]:
    port = free_port(socket.SOCK_STREAM)
    extra = f'[audiosocket]\nlisten = "127.0.0.1:{port}"\n[audiosocket.legs]\n"{NAMED}" = "4444"\n'
    extra += f'[websocket]\nlisten = "127.0.0.1:{asterisk.websockets}"\npassword = "{PASSWORD}"\n'
    async with Relay(asterisk.http) as relay:
        url = asterisk.url.replace(str(asterisk.http), str(relay.port))
        async with translink(tmp_path_factory.mktemp("pbx"), fake, url, extra) as server:
            yield Pbx(server, relay, port)


class Relay:
    """A TCP relay to Asterisk's HTTP server."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._writers -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


def words(place: int) -> list[int]:
    """Numbers of this place's words, which G.722 leaves whole (`spoken`)."""
    return list(range(1000 + WORDS * place, 1000 + WORDS * place + WORDS))


async def hears(telephone: Telephone, wanted: list[int], server: Serve) -> None:
    def report() -> str:
        return f"{telephone.heard()}{server.tail(40)}{telephone.asterisk.log()[-3000:]}"

    try:
        await until(lambda: len(telephone.heard()) >= len(wanted), report, patience=25.0)
    except pytest.fail.Exception as failure:
        # What a leg's socket saw tells words that Asterisk did not send from those we lost.
        for leg in (await server.get("/api/legs"))["legs"]:
            drops = {name: many for name, many in leg["drops"].items() if many}
            failure.add_note(f"{leg['leg']}: lost {leg['lost_ms']} ms, {drops}")
        raise
    assert telephone.heard() == wanted


async def gone(telephone: Telephone, within: float) -> float:
    """Seconds until Asterisk has no such channel any more."""
    began = time.monotonic()
    while await telephone.state():
        assert time.monotonic() - began < within, telephone.asterisk.log()[-3000:]
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def is_up(telephone: Telephone, within: float = 10.0) -> None:
    end = time.monotonic() + within
    while await telephone.state() != "Up":
        assert time.monotonic() < end, await telephone.asterisk.left()
        await asyncio.sleep(0.05)


async def shares(server: Serve, senders: int) -> None:
    """The shared port is used, and knows so many senders."""
    end = time.monotonic() + 20.0
    while (figures := (await server.get("/api/stats"))["shared_port"])["sources"] != senders:
        assert time.monotonic() < end, figures
        await asyncio.sleep(0.1)
    assert figures["datagrams"] > 100


async def nothing_left(asterisk: Asterisk, pbx: Pbx) -> None:
    await asterisk.empty()
    await pbx.server.idle()


async def test_two_telephones_hear_every_word_of_each_other_once(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    one = await asterisk.dial("3333", words(1), last=20)
    two = await asterisk.dial("4444", words(2), last=20)
    await hears(one, words(2), pbx.server)
    await hears(two, words(1), pbx.server)
    third = await asterisk.dial("4444")
    await until(lambda: pbx.server.lines("caller refused"), lambda: pbx.server.tail())
    await pbx.server.says("leg 4444 is busy")
    await gone(third, within=8.0)
    await one.hang_up()
    await gone(two, within=12.0)
    await nothing_left(asterisk, pbx)


FORMATS = (
    ("rtp", "slin", "slin"),
    ("shared", "alaw", "alaw"),
    ("rtp", "ulaw", "alaw"),
    ("rtp", "g722", "g722"),
    ("audiosocket", "slin16", ""),
    ("audiosocket", "slin", ""),
    ("websocket", "slin16", ""),
    ("websocket", "slin", ""),
)
"""Medium (`shared`: RTP to one port for both), what Asterisk sends, what it is sent. slin16 and G.722 over
RTP is what the others use."""


def asked(asterisk: Asterisk, place: int) -> str:
    """Settings for the connections of `chan_websocket` that ARI asks for."""
    port = asterisk.asked[place % 2]
    return f'websocket_client = "asked{port}"\n[websocket]\nlisten = "127.0.0.1:{port}"\n'


async def test_words_survive_every_format(
    asterisk: Asterisk, fake: FakeProviders, tmp_path: Path
) -> None:
    few = asyncio.Semaphore(3)  # servers at once: on two cores eight of them lost a word

    async def talk(place: int) -> None:
        async with few:
            await in_format(place)

    async def in_format(place: int) -> None:
        medium, format, reply = FORMATS[place]
        app = f"other{place}"
        shared = medium == "shared"
        media = "rtp" if shared else medium
        extra = f'app = "{app}"\nmedia = "{media}"\nformat = "{format}"\n'
        extra += f'reply = "{reply}"\n' if reply else ""
        extra += asked(asterisk, place) if medium == "websocket" else ""
        port = free_port(socket.SOCK_DGRAM)
        extra += f'[shared_port]\nlisten = "127.0.0.1:{port}"\n' if shared else ""
        (tmp_path / app).mkdir()
        async with translink(tmp_path / app, fake, asterisk.url, extra) as server:
            variables = {"__APP": app}
            said = words(20 + 2 * place), words(21 + 2 * place)
            one = await asterisk.dial("3333", said[0], first=1, last=20, variables=variables)
            two = await asterisk.dial("4444", said[1], first=1, last=20, variables=variables)
            await hears(one, said[1], server)
            await hears(two, said[0], server)
            if shared:
                await shares(server, senders=2)
            await one.hang_up()
            await gone(two, within=12.0)
            if shared:
                await shares(server, senders=0)

    async with asyncio.TaskGroup() as group:
        for place in range(len(FORMATS)):
            group.create_task(talk(place))
    await asterisk.empty()


async def test_who_is_alone_hears_that_the_line_is_alive(asterisk: Asterisk, pbx: Pbx) -> None:
    one = await asterisk.dial("3333", last=20)
    await until(lambda: any(one.recording()), pbx.server.tail)
    await one.hang_up()
    await nothing_left(asterisk, pbx)


async def test_telephones_with_sip_hear_every_word(asterisk: Asterisk, pbx: Pbx) -> None:
    one = await asterisk.dial("3333", words(18), last=20, sip=True)
    two = await asterisk.dial("4444", words(16), last=20, sip=True)
    await hears(one, words(16), pbx.server)
    await hears(two, words(18), pbx.server)
    await one.hang_up()
    await gone(two, within=12.0)
    await nothing_left(asterisk, pbx)


async def test_what_was_said_before_hanging_up_is_heard_to_its_end(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    one = await asterisk.dial("3333", words(3), first=1.5, last=0.0)
    two = await asterisk.dial("4444", last=30)
    await hears(two, words(3), pbx.server)
    await gone(one, within=1.0)
    await gone(two, within=12.0)
    await nothing_left(asterisk, pbx)


async def test_a_telephone_that_is_called_on_goes_on_where_the_first_one_was(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    """A blind transfer: SIP's REFER, from a telephone in a bridge of ours."""
    carol = asterisk.telephone(words(19), first=3.0, last=40)
    await asterisk.answers("carol", carol)
    two = await asterisk.dial("4444", words(15), first=12.0, last=40)
    one = await asterisk.dial("3333", first=2.0, last=40, does="transfers", sip=True)
    await pbx.server.says("line transferred")
    await gone(one, within=10.0)
    await hears(two, words(19), pbx.server)
    await hears(carol, words(15), pbx.server)
    await two.hang_up()
    await nothing_left(asterisk, pbx)


async def test_who_dials_hears_who_answers(asterisk: Asterisk, pbx: Pbx) -> None:
    called = asterisk.telephone(words(5), first=2.0, last=20)
    one = await asterisk.dial("dial-talk", words(4), last=20, variables=called.called)
    await is_up(one)
    await hears(one, words(5), pbx.server)
    await hears(called, words(4), pbx.server)
    await one.hang_up()
    await nothing_left(asterisk, pbx)


@pytest.mark.parametrize(
    ("who", "reason"), [("busy", "cause 17"), ("nobody", "cause 1"), ("never", "cause")]
)
async def test_whom_nobody_reaches_ends_the_callers_call_unanswered(
    asterisk: Asterisk, pbx: Pbx, who: str, reason: str
) -> None:
    before = len(pbx.server.lines("dialling ended"))
    one = await asterisk.dial(f"dial-{who}")
    await until(lambda: len(pbx.server.lines("dialling ended")) > before, pbx.server.tail)
    assert reason in pbx.server.lines("dialling ended")[-1]
    await gone(one, within=8.0)
    await nothing_left(asterisk, pbx)


async def test_who_hangs_up_at_once_leaves_nothing(asterisk: Asterisk, pbx: Pbx) -> None:
    for number in range(12):
        one = await asterisk.dial(("3333", "dial-talk")[number % 2])
        await asyncio.sleep(0.02 * (number % 11))
        await one.hang_up()
    await nothing_left(asterisk, pbx)


async def test_a_dialplan_can_use_audiosocket_alone(asterisk: Asterisk, pbx: Pbx) -> None:
    port = str(pbx.sockets)
    given = {"__UUID": "40325ec2-5efd-4bd3-805f-000000003333", "__PORT": port}
    one = await asterisk.dial("app", words(6), last=20, variables=given)
    two = await asterisk.dial("dialled", words(7), last=20, variables=given | {"__UUID": NAMED})
    await hears(one, words(7), pbx.server)
    await hears(two, words(6), pbx.server)
    stranger = {"__UUID": "40325ec2-5efd-4bd3-805f-000000005555", "__PORT": port}
    third = await asterisk.dial("app", variables=stranger, last=1)
    await until(lambda: pbx.server.lines("AudioSocket refused"), lambda: pbx.server.tail())
    await two.hang_up()
    await gone(one, within=12.0)
    await gone(third, within=5.0)
    await nothing_left(asterisk, pbx)


@pytest.mark.parametrize(
    ("formats", "options"), [(("slin16", "slin"), ""), (("ulaw", "alaw"), "f(json)")]
)
async def test_a_dialplan_can_use_chan_websocket(
    asterisk: Asterisk, pbx: Pbx, formats: tuple[str, str], options: str
) -> None:
    given = {"__WSOPTIONS": options}
    place = 40 if options else 42
    said = words(place), words(place + 1)
    one = await asterisk.dial(f"ws-3333-{formats[0]}", said[0], last=20, variables=given)
    two = await asterisk.dial(f"ws-4444-{formats[1]}", said[1], last=20, variables=given)
    await hears(one, said[1], pbx.server)
    await hears(two, said[0], pbx.server)
    third = await asterisk.dial("ws-5555-slin16", last=1)
    await until(lambda: pbx.server.lines("no leg 5555"), lambda: pbx.server.tail())
    await one.hang_up()
    await gone(two, within=12.0)
    await gone(third, within=5.0)
    await nothing_left(asterisk, pbx)


async def test_on_hold_nothing_is_heard_and_after_it_everything(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    async def muted(wanted: bool) -> None:
        end = time.monotonic() + 5.0
        while (await pbx.server.get("/api/legs/3333"))["muted"] != wanted:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)

    async with asterisk.events("phones"):
        one = await asterisk.dial("3333", words(8), first=1.0, last=20, does="steered", sip=True)
        two = await asterisk.dial("4444", last=25)
        await is_up(one)
        await muted(False)
        assert await asterisk.ask("POST", f"/channels/{one.channel}/hold") == 204
        await muted(True)
        assert await asterisk.ask("DELETE", f"/channels/{one.channel}/hold") == 204
        await muted(False)
        await asterisk.ask("POST", f"/channels/{one.channel}/continue")
        await hears(two, words(8), pbx.server)
    await one.hang_up()
    await nothing_left(asterisk, pbx)


async def test_calls_go_on_without_events_and_what_ended_is_noticed(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    one = await asterisk.dial("3333", words(9), first=3.0, last=30)
    two = await asterisk.dial("4444", last=30)
    await is_up(one)
    await is_up(two)
    pbx.relay.cut()
    await hears(two, words(9), pbx.server)
    pbx.relay.cut()
    await one.hang_up()
    await gone(two, within=12.0)
    await nothing_left(asterisk, pbx)


@pytest.mark.parametrize("again", ["at once", "later"])
async def test_an_asterisk_that_died_is_served_again(
    asterisk: Asterisk, pbx: Pbx, again: str
) -> None:
    begun = len(pbx.server.happened("call", state="begun"))
    connected = len(pbx.server.lines("connected to Asterisk"))
    await asterisk.dial("3333", last=60)
    await asterisk.dial("4444", last=60)
    await until(lambda: len(pbx.server.happened("call", state="begun")) > begun, pbx.server.tail)
    asterisk.kill()
    if again == "at once":
        await asterisk.start()
    await until(
        lambda: len(pbx.server.happened("call", state="ended")) > begun, pbx.server.tail, 15.0
    )
    if again == "later":
        await asterisk.start()
    await until(
        lambda: len(pbx.server.lines("connected to Asterisk")) > connected, pbx.server.tail, 10.0
    )
    one = await asterisk.dial("3333", words(11), first=1.5, last=20)
    two = await asterisk.dial("4444", last=20)
    await hears(two, words(11), pbx.server)
    await one.hang_up()
    await nothing_left(asterisk, pbx)


async def test_check_names_what_asterisk_lacks_and_who_is_there(
    asterisk: Asterisk, pbx: Pbx
) -> None:
    async def check(**ari: str) -> str:
        settings = AriSettings.model_validate({"url": asterisk.url, **ari})
        return "\n".join([line async for line in inquire(settings)])

    said = await check()
    assert "Asterisk 22" in said
    assert "ANOTHER CLIENT has the application translink" in said
    assert "slin16 from Asterisk, g722 to it" in said
    assert "MISSES" not in said
    assert "ANOTHER CLIENT" not in await check(app="nobodys")
    assert await asterisk.ask("DELETE", "/asterisk/modules/chan_rtp.so") == 204
    assert "MISSES chan_rtp" in await check()
    assert "MISSES" not in await check(media="audiosocket")
    assert "MISSES" not in await check(media="websocket")
    assert await asterisk.ask("POST", "/asterisk/modules/chan_rtp.so") == 204
    wrong = asterisk.url.replace("tests", "others")
    assert "wrong ari.user or ari.password" in await check(url=wrong)
    gone = "http://a:b@127.0.0.1:9"
    assert "CANNOT BE REACHED" in await check(url=gone)


async def test_what_is_to_be_pasted_makes_a_call(asterisk: Asterisk, pbx: Pbx) -> None:
    settings = Settings.load(environ={"TRANSLINK_ARI__URL": asterisk.url}, directory=Path("/"))
    text = asterisk_dialplan(settings)
    assert "exten => 3333,1,Stasis(translink,3333)" in text
    assert "STASISSTATUS" in text
    assert "a-password-of-tests" not in text
    await asterisk.add_dialplan(f"[pasted]\n{text.partition('; --- http.conf')[0]}")
    one = await asterisk.dial("3333@pasted", words(17), last=20)
    two = await asterisk.dial("4444@pasted", last=20)
    await hears(two, words(17), pbx.server)
    await one.hang_up()
    await gone(two, within=12.0)
    await nothing_left(asterisk, pbx)


@pytest.mark.parametrize("medium", ["rtp", "audiosocket", "websocket"])
async def test_keys_come_once_each_and_end_the_call(
    asterisk: Asterisk, fake: FakeProviders, tmp_path: Path, medium: str
) -> None:
    app = f"keys{medium}"
    extra = f'app = "{app}"\nmedia = "{medium}"\n'
    extra += asked(asterisk, 0) if medium == "websocket" else ""
    extra += '[dtmf]\nlouder = "2"\nend = "9"\n'
    async with translink(tmp_path, fake, asterisk.url, extra) as server:
        variables = {"__APP": app}
        two = await asterisk.dial("4444", last=30, variables=variables)
        one = await asterisk.dial("3333", first=3.0, last=30, variables=variables, does="keys")
        await until(lambda: server.happened("call", state="ended"), server.tail, 25.0)
        done = [(each["what"], each["leg"]) for each in server.happened("control")]
        assert done == [("louder", "3333"), ("end", "3333")]
        await gone(one, within=12.0)
        await gone(two, within=12.0)
        await asterisk.empty()


async def test_another_client_is_named_and_not_fought(
    asterisk: Asterisk, fake: FakeProviders, tmp_path: Path
) -> None:
    """And when it has left, callers are ours again."""
    async with translink(tmp_path, fake, asterisk.url, 'app = "wanted"') as server:
        async with asterisk.events("wanted"):
            await server.says("another client")
            connected = len(server.lines("connected to Asterisk"))
            await asyncio.sleep(4.0)
            assert len(server.lines("connected to Asterisk")) == connected
        await server.says("it is taken again")
        await server.says("connected to Asterisk", connected + 1)
        one = await asterisk.dial("3333", variables={"__APP": "wanted"})
        await server.says("on the line, and waits for the other")
        await one.hang_up()
        await asterisk.empty()


async def test_a_successor_connects_the_callers_of_a_killed_translink_anew(
    asterisk: Asterisk, fake: FakeProviders, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    async with asterisk.events("phones"):
        async with translink(folders[0], fake, asterisk.url) as first:
            one = await asterisk.dial("3333", words(12), last=20, does="steered")
            two = await asterisk.dial("4444", last=40)
            await until(lambda: first.happened("call", state="begun"), first.tail)
            first.signal(signal.SIGKILL)
            await first.exit_code(5.0)
        async with translink(folders[1], fake, asterisk.url) as second:
            newcomer = await asterisk.dial("5555")
            await until(lambda: second.happened("call", state="begun"), second.tail)
            await second.says("caller taken over", 2)
            assert await asterisk.ask("POST", f"/channels/{one.channel}/continue") == 204
            await hears(two, words(12), second)
            await gone(newcomer, within=1.0)
            await one.hang_up()
            await gone(two, within=12.0)
            await asterisk.empty()
    failed = await asterisk.dial("3333")
    await gone(failed, within=5.0)
    assert await asterisk.variable("FAILED") == "yes"
