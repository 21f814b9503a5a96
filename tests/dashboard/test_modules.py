"""The page's modules by themselves, in the engine that runs them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import fields

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.dashboard.board import TalkBoard
from tests.dashboard.conftest import Visit
from translink.observe.stages import STAGES
from translink.observe.views import CallRow, LegLive
from translink.text.sentences import join

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def board() -> AsyncIterator[TalkBoard]:
    board = TalkBoard(0)
    await board.start()
    yield board
    await board.close()


@pytest_asyncio.fixture(loop_scope="session")
async def blank(visit: Visit, board: TalkBoard) -> Page:
    """A page that has the modules at hand and runs none of them."""
    return await visit(board.url + "/static/icon.svg", no_icon=True)


async def run(page: Page, module: str, body: str, argument: object = None) -> object:
    """What `body` returns, a function of the module and an argument."""
    source = f"async (argument) => ({body})(await import('/static/{module}'), argument)"
    return await page.evaluate(source, argument)


async def test_figures_are_written_with_three_digits_and_losses_never_rounded_away(
    blank: Page,
) -> None:
    write = "(m, all) => all.map(([how, value]) => m[how](value))"
    asked = {
        ("delay", 0.4712): "0.47 ms",
        ("delay", 0.999): "1.0 ms",
        ("delay", 62.4): "62 ms",
        ("delay", 594.6): "595 ms",
        ("delay", 741.0): "0.74 s",
        ("delay", 12_345): "12.3 s",
        ("delay", None): "–",
        ("lost", 0): "0 ms",
        ("lost", 0.01): "1 ms",
        ("lost", 1_200): "1200 ms",
        ("duration", 7): "0:07",
        ("duration", 3_723): "1:02:03",
        ("language", "fr"): "French",
        ("language", "not a code"): "not a code",
    }
    assert await run(blank, "format.js", write, [list(each) for each in asked]) == list(
        asked.values()
    )


async def test_finals_are_joined_as_the_server_joins_them(blank: Page) -> None:
    body = "({joined}, pairs) => pairs.map(([left, right]) => joined(left, right))"
    pairs = [
        ("", "hello"),
        ("hello", ""),
        ("hello", "there"),
        ("今天天气", "很好。"),
        ("はい、", "そうです"),
        ("こんにちは", "Anna"),
        ("สวัสดี", "ครับ"),
    ]
    got = await run(blank, "transcript-lines.js", body, [list(pair) for pair in pairs])
    assert got == [join(left, right) for left, right in pairs]


async def test_an_outline_is_drawn_where_its_moments_are(blank: Page) -> None:
    body = """({Envelope}, pairs) => {
      const envelope = new Envelope();
      envelope.push(100, pairs, 999);
      envelope.push(150, pairs, 1000);
      const points = [];
      envelope.trace({lineTo: (x, y) => points.push([x, y])}, 999, 1001, (at) => at - 999, 0, 100);
      return {
        time: envelope.time(100), next: envelope.next, peak: envelope.peak(999.5), since: envelope.peak(1005),
        points: points.length, first: points[0], last: points.at(-1),
      };
    }"""
    pairs = base64.b64encode(bytes((256 - 100, 50)) * 50).decode()
    got = await run(blank, "waveform.js", body, pairs)
    assert isinstance(got, dict)
    assert got["time"] == pytest.approx(999.0, abs=0.001)
    assert got["since"] == 0, "a meter does not show what was long ago"
    assert got["next"] == 200
    assert got["peak"] == pytest.approx(100 / 127)
    assert got["points"] == 200, "there along the top and back along the bottom"
    assert got["first"] == pytest.approx([0.0, -57.17], abs=0.01), (
        "a half is drawn as more than a half"
    )
    assert got["last"] == pytest.approx([0.0, 86.64], abs=0.01)


async def test_a_gap_in_an_outline_is_silence_and_a_leg_that_begins_anew_is_anew(
    blank: Page,
) -> None:
    body = """({Envelope}, pairs) => {
      const envelope = new Envelope();
      envelope.push(0, pairs, 0);
      envelope.push(100, pairs, 2);
      const heights = [];
      envelope.trace({lineTo: (x, y) => heights.push(-y)}, 1, 2, (at) => at, 0, 127);
      envelope.push(10, pairs, 500);
      return {gap: Math.max(...heights.slice(5, 45)), next: envelope.next};
    }"""
    pairs = base64.b64encode(bytes((156, 100)) * 50).decode()
    got = await run(blank, "waveform.js", body, pairs)
    assert isinstance(got, dict)
    assert got["gap"] <= 1
    assert got["next"] == 60


async def test_a_sound_from_before_a_pause_is_not_drawn_as_new(blank: Page) -> None:
    """A page that comes to a call in a pause is sent the newest sound there was, and when."""
    body = """({Store}, pairs) => {
      const store = new Store();
      const row = {call: 'c', state: 'running', began: 0, seconds: 1, legs: ['a', 'b']};
      store.apply({at: 1000, hello: {role: 'read'}, calls: [row]});
      store.apply({at: 1000, levels: {a: {said: [7000, pairs, 940]}}});
      const drawn = (from, to) => {
        const points = [];
        store.sound('a').said.trace({lineTo: (x) => points.push(x)}, from, to, (at) => at, 0, 100);
        return points.length;
      };
      return {now: drawn(980, 1000), then: drawn(935, 945), meter: store.sound('a').said.peak(999)};
    }"""
    pairs = base64.b64encode(bytes((156, 100)) * 50).decode()
    assert await run(blank, "store.js", body, pairs) == {"now": 0, "then": 100, "meter": 0}


async def test_colours_and_title_do_not_depend_on_who_is_heard_first(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const row = {state: 'running', began: 0, seconds: 1};
      const reported = [
        {...row, call: 'x', legs: ['3333', '4444'], languages: ['en', 'fr'], modes: ['m', 'n']},
        {...row, call: 'y', legs: ['4444', '3333'], languages: ['fr', 'en'], modes: ['n', 'm']},
        {...row, call: 'z', legs: ['c12.2', 'c12.1'], languages: ['fr', 'en'], modes: ['n', 'm']},
      ];
      store.apply({at: 1, hello: {role: 'read'}, calls: reported});
      return [...store.calls.values()].map((it) => [it.legs, it.languages, it.modes]);
    }"""
    rest = [["en", "fr"], ["m", "n"]]
    wanted = [[["3333", "4444"], *rest]] * 2 + [[["c12.1", "c12.2"], *rest]]
    assert await run(blank, "store.js", body) == wanted


async def test_history_comes_before_what_was_seen_and_nothing_comes_twice(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const event = (type, at) => ({type, at, call: 'c', leg: 'a'});
      store.apply({at: 1, hello: {role: 'read'}, calls: []});
      store.apply({events: [event('final', 30), event('mode', 40)]});
      store.history([event('call', 10), event('connection', 20), event('final', 30)]);
      store.apply({events: [event('segment', 50)]});
      return store.events.map((each) => [each.type, each.n]);
    }"""
    wanted = [["call", 0], ["connection", 1], ["final", 2], ["mode", 3], ["segment", 4]]
    assert await run(blank, "store.js", body) == wanted


async def test_a_loss_stays_marked_where_it_was_said_after_a_reconnection(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const hello = {at: 1000, hello: {role: 'read'}, calls: []};
      const loss = {type: 'loss', at: 1000, call: 'c', leg: 'a', ms: 2000, began: 938, ended: 940};
      const marked = () => store.losses.map((each) => [each.from, each.to]);
      store.apply(hello);
      store.apply({events: [loss]});
      const before = marked();
      store.apply(hello);
      store.history([loss]);
      store.history([loss]);
      return [before, marked()];
    }"""
    assert await run(blank, "store.js", body) == [[[938, 940]], [[938, 940]]]


async def test_a_new_connection_knows_nothing_of_the_calls_of_the_one_before(blank: Page) -> None:
    """The server may have begun anew, and with it the names of calls."""
    body = """({Store}) => {
      const store = new Store();
      const hello = {at: 1, hello: {role: 'read'}, calls: []};
      const event = (type, at) => ({type, at, call: '3333-1', leg: '3333'});
      store.apply(hello);
      store.apply({events: [event('call', 10), event('mode', 20)]});
      store.changed.clear();
      store.apply(hello);
      const told = store.changed.has('history');
      store.apply({events: [event('call', 30)]});
      return [told, store.events.map((each) => [each.at, each.n])];
    }"""
    assert await run(blank, "store.js", body) == [True, [[30, 0]]]


async def test_a_select_that_was_opened_and_closed_again_shows_what_is_so_after_a_while(
    blank: Page,
) -> None:
    """It keeps the focus, and says nothing of a choice that is the one before."""
    body = """({following}) => {
      const select = Object.assign(new EventTarget(), {value: 'en', getAttribute: () => null});
      Object.defineProperty(document, 'activeElement', {get: () => select});
      let now = 1000;
      performance.now = () => now;
      const show = following(select);
      const shown = (value) => (show(value), select.value);
      const before = shown('fr');
      select.dispatchEvent(new Event('pointerdown'));
      const opened = shown('de');
      now += 14000;
      const still = shown('de');
      now += 2000;
      return [before, opened, still, shown('de')];
    }"""
    assert await run(blank, "controls.js", body) == ["fr", "fr", "fr", "de"]


TROUBLES = """({troubles}, [system, config]) =>
  troubles(system, config).map((it) => [it.level, it.title, it.cause, it.todo])"""
LINES = {
    "recognition": ["deepgram.prerecorded", "deepgram.listen"],
    "translation": ["deepl", "deepl.2"],
}
KEYS = {"deepgram": {"api_key": "***"}, "deepl": {"api_key": "***"}}


@pytest.mark.parametrize(
    ("down", "level", "title", "cause", "todo"),
    [
        (
            {"deepl": ("open", "denied", 456), "deepl.2": ("open", "denied", 456)},
            *("bad", "Translation is down", "DeepL's quota is used up (456).", "Raise the quota"),
        ),
        (
            {"deepgram.listen": ("open", "denied", 401), "deepgram.prerecorded": ("half-open", "denied", 401)},
            *("bad", "Recognition is down", "Deepgram refused the key (401).", "Set DEEPGRAM_API_KEY"),
        ),
        (
            {"deepgram.listen": ("half-open", "transient", None)},
            *("warn", "Deepgram streaming is down", "Deepgram does not answer.", "translink keeps trying"),
        ),
        (
            {"deepgram.listen": ("open", "denied", 403)},
            *("warn", "Deepgram streaming is down", "Deepgram does not let this key do that (403)."),
            "Choose another model",
        ),
        (
            {"deepl": ("open", "denied", 403)},
            *("warn", "DeepL is down", "DeepL refused the key (403).", "Set DEEPL_API_KEY"),
        ),
        (
            {"deepl.2": ("open", "denied", 403)},
            *("warn", "DeepL 2 is down", "DeepL refused the key (403).", "Set fallback.deepl.0.api_key"),
        ),
        (
            {"elevenlabs.speak": ("open", "denied", 401)},
            *("warn", "ElevenLabs speech is down", "ElevenLabs refused the key (401).", "Set ELEVENLABS_API_KEY"),
        ),
        (
            {"deepgram.prerecorded": ("held", "busy", 429)},
            *("warn", "Deepgram prerecorded has to wait"),
            *("Deepgram wants fewer requests (429).", "translink asks again"),
        ),
        (
            {"deepgram.listen": ("open", "denied", 402), "deepgram.prerecorded": ("open", "denied", 402)},
            *("bad", "Recognition is down", "Deepgram wants to be paid first (402).", "Add credit"),
        ),
    ],
)  # fmt: skip
async def test_trouble_is_named_with_its_cause_and_its_mend(
    blank: Page, down: dict[str, tuple[str, str, int | None]], level: str, title: str, cause: str,
    todo: str,
) -> None:  # fmt: skip
    providers = {
        name: {"state": state, "kind": kind, "status": status, "reason": "words", "since": 1.0}
        for name, (state, kind, status) in down.items()
    }
    system = {"services": LINES, "stream": "deepgram.listen", "providers": providers}
    reported = await run(blank, "trouble.js", TROUBLES, [system, KEYS])
    assert isinstance(reported, list)
    ((was, *rest),) = reported
    assert [was, *rest[:2]] == [level, title, cause]
    assert rest[2].startswith(todo)


async def test_rtp_where_pcm_is_expected_is_named_with_its_port_and_the_setting(
    blank: Page,
) -> None:
    system = {"legs_unheard": [{"leg": "1001", "format": "alaw", "port": 6120}]}
    reported = await run(blank, "trouble.js", TROUBLES, [system, KEYS])
    assert isinstance(reported, list)
    ((level, title, cause, todo),) = reported
    assert (level, title) == ("warn", "RTP comes to leg 1001")
    assert cause == "Port 6120 gets alaw in RTP, and expects headerless PCM."
    assert 'transport = "rtp"' in todo


async def test_local_engines_are_not_mended_with_a_key(blank: Page) -> None:
    providers = {"deepl": {"state": "open", "kind": "transient", "status": None}}
    system = {
        "offline": "http://127.0.0.1:1",
        "providers": providers,
        "services": {"translation": ["deepl"]},
    }
    reported = await run(blank, "trouble.js", TROUBLES, [system, {"deepl": {"api_key": None}}])
    assert isinstance(reported, list)
    assert reported[0][2] == "The local engine on this machine does not answer."
    assert "KEY" not in reported[0][3]


@pytest.mark.parametrize(("name", "vendor"), [("openai.translation", "OpenAI"), ("ours", "ours")])
async def test_a_server_of_ones_own_without_a_key_is_not_the_local_engine(
    blank: Page, name: str, vendor: str
) -> None:
    system = {
        "offline": "http://127.0.0.1:1",
        "providers": {name: {"state": "open", "kind": "transient", "status": None}},
        "services": {"translation": [name]},
    }
    config = {"openai": {"api_key": None}, "vendors": {"ours": {"api_key": None}}}
    reported = await run(blank, "trouble.js", TROUBLES, [system, config])
    assert isinstance(reported, list)
    ((_, _, cause, todo),) = reported
    assert cause == f"{vendor} does not answer."
    assert "engines" not in todo


async def test_when_all_is_well_there_is_no_trouble(blank: Page) -> None:
    providers = {"deepl": {"state": "closed", "kind": None}}
    system = {"services": {"translation": ["deepl"]}, "providers": providers, "pressure": "calm"}
    assert await run(blank, "trouble.js", TROUBLES, [system, {}]) == []


async def test_the_store_forgets_what_it_must(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const row = {call: 'c', state: 'running', began: 0, seconds: 1, legs: ['a', 'b']};
      store.apply({at: 1, hello: {role: 'control'}, calls: [row]});
      store.select('c');
      for (let n = 0; n < 3000; n += 1) {
        store.apply({at: n, events: [
          {type: 'segment', at: n, call: 'c', leg: 'a', segment: n, text: 'x'},
          {type: 'loss', at: n, call: 'c', leg: 'a', ms: 20},
        ]});
      }
      for (let n = 0; n < 1000; n += 1) store.apply({calls: [{...row, call: `e${n}`, state: 'ended'}]});
      return [store.events.length, store.lines.get('c').length, store.losses.length, store.ended.size];
    }"""
    assert await run(blank, "store.js", body) == [1000, 1000, 100, 500]


async def test_the_page_follows_the_servers_clock_when_it_is_set_and_no_late_message(
    blank: Page,
) -> None:
    body = """({Store}) => {
      const store = new Store();
      store.apply({at: 100000, hello: {role: 'read'}, calls: []});
      store.apply({at: 100000});
      store.apply({at: 100000 - 20});
      const late = store.now();
      store.apply({at: 100000 - 7200});
      const back = store.now();
      store.apply({at: 100000 + 7200});
      return [late, back, store.now()];
    }"""
    wanted = pytest.approx([100_000, 92_800, 107_200], abs=5)
    assert await run(blank, "store.js", body) == wanted


@pytest.mark.parametrize("end", ["gone", "crowded out"])
async def test_what_was_of_a_call_goes_with_it(blank: Page, end: str) -> None:
    """Legs of their own have a name that comes once: a page that is open for weeks sees many."""
    body = """({Store}, end) => {
      const store = new Store();
      const row = (call, legs) => ({call, state: 'running', began: 0, seconds: 1, legs});
      store.apply({at: 1, hello: {role: 'read'}, calls: [row('stays', ['3333', '4444'])]});
      const open = (call, legs) => {
        store.select(call);
        store.apply({calls: [row(call, legs)], legs: {[legs[0]]: {}, [legs[1]]: {}}, stages: {[call]: {}}});
        for (const leg of legs) store.sound(leg);
      };
      open('stays', ['3333', '4444']);
      for (let n = 0; n < 3; n += 1) {
        const [call, legs] = [`c${n}`, [`c${n}.1`, `c${n}.2`]];
        open(call, legs);
        store.apply({calls: [{...row(call, legs), state: 'ended'}]});
        store.select('stays');
        if (end === 'gone') store.apply({gone: [call]});
      }
      if (end !== 'gone') {
        for (let n = 0; n < 500; n += 1) {
          store.apply({calls: [{...row(`e${n}`, ['3333', '4444']), state: 'ended'}]});
        }
      }
      return [store.legs, store.sounds, store.stages].map((kept) => [...kept.keys()]);
    }"""
    wanted = [["3333", "4444"], ["3333", "4444"], ["stays"]]
    assert await run(blank, "store.js", body, end) == wanted


async def test_a_call_on_screen_keeps_its_sound_when_the_server_forgets_it(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const row = {call: 'c', state: 'ended', began: 0, seconds: 1, legs: ['c.1', 'c.2']};
      store.apply({at: 1, hello: {role: 'read'}, calls: [row]});
      store.select('c');
      store.sound('c.1');
      store.apply({gone: ['c']});
      return store.sounds.has('c.1');
    }"""
    assert await run(blank, "store.js", body) is True


async def test_an_answer_that_comes_late_takes_nothing_back(blank: Page) -> None:
    body = """({Store}) => {
      const store = new Store();
      const row = {call: 'c', state: 'running', began: 0, seconds: 1, legs: ['a', 'b']};
      store.apply({at: 1, hello: {role: 'read'}, calls: [row]});
      store.select('c');
      const line = {
        leg: 'a', segment: 1, start_s: 0, end_s: 1, text: 'one', translation: null, state: 'final',
        at: {final: 2},
      };
      store.apply({events: [
        {type: 'segment', at: 2, call: 'c', leg: 'a', segment: 1, text: 'one', began: 0, ended: 1},
        {type: 'translation', at: 3, call: 'c', leg: 'a', segment: 1, text: 'un'},
        {type: 'segment', at: 4, call: 'c', leg: 'a', segment: 2, text: 'two', began: 3, ended: 4},
      ]});
      store.detail({...row, legs: {}, names: ['a', 'b'], stages_ms: {}, transcript: [line]});
      return store.lines.get('c').map((each) => [each.text, each.translation]);
    }"""
    assert await run(blank, "store.js", body) == [["one", "un"], ["two", None]]


async def test_captions_that_left_the_page_are_forgotten(blank: Page) -> None:
    body = """({TalkCaptions}) => {
      const into = document.createElement('div');
      const captions = new TalkCaptions(into);
      for (let segment = 0; segment < 250; segment += 1) {
        captions.take({type: 'interim', of: 'me', text: `word ${segment}`});
        captions.take({type: 'said', of: 'me', segment, text: `word ${segment}`});
      }
      return [into.children.length, captions._lines.size, into.firstElementChild.children[0].textContent];
    }"""
    assert await run(blank, "talk-captions.js", body) == [200, 200, "word 50"]


async def test_the_board_speaks_as_the_server_does() -> None:
    board = TalkBoard(1)
    call = next(iter(board.calls))
    assert set(board.row(call)) == {field.name for field in fields(CallRow)}
    assert set(board.leg_live(next(iter(board.legs)))) == {field.name for field in fields(LegLive)}
    assert set(board.stages()) <= set(STAGES)
