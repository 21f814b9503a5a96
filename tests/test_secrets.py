"""No secret leaves the process: a server with keys of its own, providers that repeat whatever they
are shown, and everything that the server says searched for the keys.

Searched are the log, the events, every answer of the API, error messages at the start, what
`translink check` prints, and what the operating system shows of the process.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from aiohttp import WSCloseCode, web

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import PATIENCE, Phone, pairs, until
from translink.callers.server_process import ServerProcess

SECRETS = {
    "DEEPGRAM_API_KEY": "dg-5ecre7-0f-deepgram-4711",
    "DEEPL_API_KEY": "dl-5ecre7-0f-deepl-4712:fx",
    "ELEVENLABS_API_KEY": "el-5ecre7-0f-elevenlabs-4718",
    "OPENAI_API_KEY": "sk-5ecre7-0f-openai-4719",
    "TRANSLINK_ADMIN__TOKEN": "5ecre7-0f-the-operator-4713",
    "TRANSLINK_ADMIN__READ_TOKEN": "5ecre7-0f-the-watcher-4714",
    "TRANSLINK_WEBHOOK__SECRET": "whsec_NWVjcmU3LW9mLXRoZS1yZWNlaXZlci1vZi1ob29rcy00NzIw",
}
FALLBACK = ("dl-5ecre7-second-deepl-4715", "dg-5ecre7-second-deepgram-4716")
GUESS = "5ecre7-that-was-guessed-4717"
"""A wrong token may be a right one with a slip: it is not repeated either."""
ALL = (*SECRETS.values(), *FALLBACK, GUESS)
CONTROL = {"Authorization": f"Bearer {SECRETS['TRANSLINK_ADMIN__TOKEN']}"}


def leaks(text: str | bytes) -> list[str]:
    """The secrets that are in the text, as they are or in another spelling."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return [
        secret
        for secret in ALL
        for spelling in (
            secret,
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode().rstrip("="),
            base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
            secret[4:],
        )
        if spelling in text
    ]


class Careless(FakeProviders):
    """Repeats what it was shown wherever a server can say something."""

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.post("/v1/text-to-speech/{voice}/stream", self._repeat),
            web.post("/v1/audio/{service}", self._repeat),
            web.post("/v1/chat/completions", self._repeat),
        ]

    async def _repeat(self, request: web.Request) -> web.Response:
        """ElevenLabs' and OpenAI's: every error they have names the key."""
        shown = request.headers.get("xi-api-key") or request.headers["Authorization"]
        self.keys.add(shown)
        body = {"message": f"refused {shown}", "code": shown, "type": shown, "status": shown}
        where = "detail" if "xi-api-key" in request.headers else "error"
        headers = {"x-request-id": shown, "Retry-After": shown}
        return web.json_response({where: body}, status=400, headers=headers)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return web.Response(status=400)
        self.handshakes += 1
        self._note(request)
        shown = request.headers.get("Authorization", "")
        if self.handshakes % 2 == 0:
            return web.json_response(
                {"err_code": shown, "err_msg": f"refused {shown}", "request_id": shown},
                status=403,
                reason=f"no {shown}",
                headers={"dg-error": shown, "dg-request-id": shown, "Retry-After": shown},
            )
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for message in (
            {"type": "Error", "description": f"refused {shown}", "code": shown},
            {"type": "Warning", "message": shown},
            {"type": f"New {shown}"},
        ):
            await socket.send_str(json.dumps(message))
        await asyncio.sleep(0.05)
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=f"no {shown}".encode())
        return socket


@pytest.fixture
async def fake() -> AsyncIterator[FakeProviders]:
    async with fake_providers(Careless()) as made:
        for service in ("prerecorded", "translate", "speak"):
            made.refuse[service] = 503 if service == "prerecorded" else 400
        yield made


def settings_of(fake: FakeProviders) -> str:
    return (
        "idle_timeout = 0.6\ndrain_timeout = 1.0\n"
        "listen = ['deepgram', 'openai']\ntranslate = ['deepl', 'openai']\n"
        "speak = ['elevenlabs', 'openai', 'deepgram']\n[log]\nlevel = 'debug'\n"
        f"[elevenlabs]\nbase_url = '{fake.url}'\n[openai]\nbase_url = '{fake.url}'\n"
        f"[deepgram]\nbase_url = '{fake.url}'\n[deepl]\nserver_url = '{fake.url}'\n"
        f"[[fallback.deepl]]\napi_key = '{FALLBACK[0]}'\nserver_url = '{fake.url}'\n"
        f"[[fallback.deepgram]]\napi_key = '{FALLBACK[1]}'\nbase_url = '{fake.url}'\n"
    )


@pytest.fixture
def cores() -> Iterator[None]:
    """What is started may dump its core, wherever the tests themselves are started from."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("no process dumps its core here: ulimit -Hc unlimited")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("cores")
async def test_whatever_providers_repeat_no_secret_is_said(
    fake: FakeProviders, tmp_path: Path
) -> None:
    legs = pairs(("3333", "4444"))
    log = tmp_path / "log"
    extra = settings_of(fake)
    server = ServerProcess(legs, folder=tmp_path, log=log, extra=extra, environ=SECRETS)
    seen: list[str] = []
    async with server, aiohttp.ClientSession(headers=CONTROL) as http:
        base = f"http://127.0.0.1:{server.admin}"
        events = asyncio.create_task(_collect(http, base, seen))
        async with Phone(legs[0]) as one, Phone(legs[1]):
            await one.say(1, 2, 3)
            kinds = {"deepgram.listen", "deepgram.prerecorded"}
            await until(lambda: kinds <= _sources(seen), lambda: f"seen {seen[-3:]}", 20.0)
            # Providers of the text's way are asked only when something was understood. At once:
            # the longer one is refused, the longer it is not asked again.
            fake.refuse.pop("prerecorded")
            answers = [await _ask(http, base, path) for path in await _paths(http, base)]
            await one.say(4, 5, 6)
            await until(lambda: _has(seen, "untranslated"), lambda: f"seen {seen[-3:]}", 20.0)
            fake.refuse.pop("translate")
            await one.say(7, 8, 9)
            await until(lambda: "deepgram.speak.2" in str(seen), lambda: f"seen {seen[-3:]}", 20.0)
        answers += [await _ask(http, base, path) for path in await _paths(http, base)]
        wrong = {"Authorization": f"Bearer {GUESS}"}
        async with http.get(base + "/api/stats", headers=wrong) as answer:
            answers.append(str(answer.headers) + await answer.text())
        async with http.post(base + "/login", json={"token": GUESS}) as answer:
            answers.append(str(answer.headers) + await answer.text())
        async with http.post(base + "/api/mode", data="{" + GUESS) as answer:
            answers.append(await answer.text())
        (tmp_path / "translink.toml").write_text(f"[deepl]\napikey = '{FALLBACK[0]}'\n")
        os.kill(server.pid, signal.SIGHUP)
        await until(lambda: "settings not reloaded" in log.read_text())
        proc = Path(f"/proc/{server.pid}")
        assert leaks((proc / "cmdline").read_bytes()) == []
        limits = (proc / "limits").read_text().splitlines()
        (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
        assert core[4] == "0", "a core dump would hold the keys"
        events.cancel()
        await asyncio.gather(events, return_exceptions=True)
    keys = {shown.split()[-1] for shown in fake.keys if shown}
    assert keys >= {secret for name, secret in SECRETS.items() if name.endswith("API_KEY")}
    assert keys >= set(FALLBACK)
    assert "refused Token ***" in "".join(seen), "the providers did repeat them"
    assert len(log.read_text().splitlines()) > 20
    assert leaks(log.read_bytes()) == []
    assert leaks("\n".join(seen)) == []
    for text in answers:
        assert leaks(text) == [], text[:200]


@pytest.mark.parametrize(
    "wrong",
    [
        {"DEEPL_API_KEY": f"{FALLBACK[0]} {GUESS}"},
        {"DEEPGRAM_API_KEY": f"{FALLBACK[0]}\n{GUESS}"},
        {"TRANSLINK_ADMIN__TOKEN": SECRETS["TRANSLINK_ADMIN__READ_TOKEN"]},
        {"TRANSLINK_MODE": "fast"},
        {"TRANSLINK_DEEPL__APIKEY": GUESS},
        {"TRANSLINK_FALLBACK__DEEPL": json.dumps([{"api_key": f"{GUESS} x", "server_url": "?"}])},
        {"OPENAI_API_KEY": f"{FALLBACK[0]} {GUESS}"},
        {"OPENAI_BASE_URL": f"https://user:{GUESS}@example.com/v1"},
        {"TRANSLINK_FALLBACK__DEEPL": f'[{{"api_key": "{GUESS}"'},
        {"DEEPGRAM_BASE_URL": f"https://user:{GUESS}@example.com"},
        {"DEEPL_API_KEY_FILE": "/nowhere"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
@pytest.mark.timeout(90)
async def test_a_start_that_fails_says_no_secret(wrong: Mapping[str, str], tmp_path: Path) -> None:
    code, said = await _run(tmp_path, {**SECRETS, **wrong}, "serve", "--admin-port", "0")
    assert code == 2
    assert said
    assert leaks(said) == []


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_the_check_shows_no_secret(options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "translink.toml").write_text(
        f"[[fallback.deepl]]\napi_key = '{FALLBACK[0]}'\n"
        f"[[fallback.deepgram]]\napi_key = '{FALLBACK[1]}'\n"
    )
    _, said = await _run(tmp_path, SECRETS, "check", *options)
    assert b"admin" in said
    assert (b"not private" in said) or (b'"exposed"' in said)
    assert leaks(said) == []


async def test_no_help_shows_a_value_from_the_environment(tmp_path: Path) -> None:
    for command in ((), ("serve",), ("check",), ("call",), ("demo",)):
        _, said = await _run(tmp_path, SECRETS, *command, "--help")
        assert b"Usage" in said
        assert leaks(said) == []


async def _collect(http: aiohttp.ClientSession, base: str, seen: list[str]) -> None:
    async with http.ws_connect(base + "/api/events") as stream:
        async for message in stream:
            seen.append(str(message.data))  # noqa: PERF401 - seen while it grows


def _sources(seen: list[str]) -> set[str]:
    """Providers of whose failures something was said."""
    return {name for name in ("deepgram.listen", "deepgram.prerecorded") if name in "".join(seen)}


def _has(seen: list[str], type_: str) -> bool:
    return any(orjson.loads(text)["type"] == type_ for text in seen)


async def _paths(http: aiohttp.ClientSession, base: str) -> list[str]:
    """Every path that can be asked for, as the server describes itself."""
    paths = ["/", "/health", "/ready", "/metrics", "/api/stats", "/api/settings", "/api/calls"]
    paths += ["/api/session", "/nothing"]
    async with http.get(base + "/openapi.json") as answer:
        if answer.status != 200:
            return paths
        described = (await answer.json())["paths"]
    async with http.get(base + "/api/calls?state=all") as answer:
        calls = [call["call"] for call in (await answer.json())["calls"]]
    for path, methods in described.items():
        if "get" in methods and "events" not in path and "live" not in path:
            if "{call}" in path:
                paths += [path.replace("{call}", call) for call in calls]
            elif not path.endswith("audio"):
                paths.append(path.replace("{leg}", "3333"))
    return sorted(set(paths))


async def _ask(http: aiohttp.ClientSession, base: str, path: str) -> str:
    async with http.get(base + path) as answer:
        return f"{path} {answer.status} {answer.headers} {await answer.text()}"


async def _run(folder: Path, environ: Mapping[str, str], *command: str) -> tuple[int, bytes]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRANSLINK_", "DEEPGRAM_", "DEEPL_", "ELEVENLABS_", "OPENAI_"))
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", *command),
        cwd=folder,
        env={**clean, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 6 * PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said
