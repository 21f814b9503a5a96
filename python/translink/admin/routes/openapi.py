"""`/openapi.json`: the API described (OpenAPI 3.1), from the shapes that it really reads and writes.

Requests are the models of `requests`, answers the dataclasses of `views`, events those of
`event_types`; here is only what they do not say: which route takes and gives what.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from pydantic import TypeAdapter

from translink import __version__
from translink.admin.http.route import Route
from translink.admin.panel.event_types import EVENT_TYPES
from translink.admin.routes.requests import (
    CallRequest,
    DrainRequest,
    EndCall,
    LegChange,
    ModeChange,
    Watching,
)
from translink.observe import views
from translink.observe.postmortem.report import Postmortem
from translink.observe.record import CallRecord
from translink.settings.legs import LEG_NAME

REF = "#/components/schemas/{model}"
_Open = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """Answer of `GET /api/calls`."""

    calls: list[views.CallRow]


@dataclass(frozen=True, slots=True)
class Legs:
    """Answer of `GET /api/legs`."""

    legs: list[views.LegLive]


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is ending in good order."""

    ended: str


@dataclass(frozen=True, slots=True)
class Flushed:
    """What waited for the ear and was dropped."""

    leg: str
    flushed_ms: float


@dataclass(frozen=True, slots=True)
class ModeSet:
    """The order, as it was carried out."""

    mode: Literal["auto", "streaming", "prerecorded"] | None
    leg: str | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Healthy, or ready? Details only for those who show a token."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Session:
    """The session that asks."""

    role: Literal["read", "control"] | None
    token_needed: bool = True
    listen_in: bool = False


@dataclass(frozen=True, slots=True)
class LogIn:
    """A token, to be exchanged for a session's cookie."""

    token: str


@dataclass(frozen=True, slots=True)
class TalkLinks:
    """Both sides' links to a call from two browsers; those who have one may talk."""

    links: list[str]


@dataclass(frozen=True, slots=True)
class TalkLanguages:
    """Those that can be chosen."""

    languages: list[str]


@dataclass(frozen=True, slots=True)
class Error:
    """Body of every refusal: the reason, in words."""

    error: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as far as its route does not tell."""

    summary: str
    gives: type | None = None
    """Shape of the good answer; None = any object."""
    status: int = 200
    media: str = "application/json"
    takes: type | None = None
    refuses: tuple[int, ...] = ()
    """Statuses beside those that every route may answer with."""
    query: tuple[tuple[str, _Open, str], ...] = ()
    """(name, schema, meaning)."""


_STATE: tuple[str, _Open, str] = (
    "state",
    {"type": "string", "enum": ["running", "ended", "all"], "default": "running"},
    "Which calls.",
)
_TEXT: tuple[str, _Open, str] = (
    "q",
    {"type": "string", "maxLength": 200},
    "Only calls in whose transcript it is found; case does not count.",
)
_TRANSCRIPT_FORMAT: tuple[str, _Open, str] = (
    "format",
    {"type": "string", "enum": ["json", "srt", "vtt", "txt"], "default": "json"},
    "Of the file.",
)
_LANE: tuple[str, _Open, str] = (
    "of",
    {"type": "string", "enum": ["said", "heard"], "default": "said"},
    "The microphone or the ear.",
)
_CALL_OR_NONE: tuple[str, _Open, str] = (
    "call",
    {"type": "string"},
    "Only of this call; empty: only those that are of no call.",
)
_NARROW: tuple[tuple[str, _Open, str], ...] = (
    ("call", {"type": "string"}, "Only of this call."),
    ("leg", {"type": "string"}, "Only of this leg."),
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/calls"): Operation("The calls", Calls, query=(_STATE, _TEXT), refuses=(400,)),
    ("POST", "/api/calls"): Operation(
        "Make a call on ports of its own; both legs' sockets are open when the answer comes",
        views.CreatedCall,
        status=201,
        takes=CallRequest,
        refuses=(400, 409, 413, 415, 503),
    ),
    ("GET", "/api/calls/{call}"): Operation("A call in full", views.CallDetail, refuses=(404,)),
    ("DELETE", "/api/calls/{call}"): Operation(
        "End a call: what was said is still translated and spoken", Ended, refuses=(404,)
    ),
    ("POST", "/api/calls/{call}/end"): Operation(
        "The same", Ended, takes=EndCall, refuses=(400, 404, 413, 415)
    ),
    ("GET", "/api/calls/{call}/transcript"): Operation(
        "What was said in a call, as a file", query=(_TRANSCRIPT_FORMAT,), refuses=(400, 404)
    ),
    ("GET", "/api/calls/{call}/record"): Operation(
        "A call's figures, without what was said: for `translink rca FILE`",
        CallRecord,
        refuses=(404,),
    ),
    ("GET", "/api/calls/{call}/postmortem"): Operation(
        "Why a call was as it was, and what can be done", Postmortem, refuses=(404,)
    ),
    ("GET", "/api/legs"): Operation("The legs as they are now", Legs),
    ("GET", "/api/legs/{leg}"): Operation("A leg as it is now", views.LegLive, refuses=(404,)),
    ("PATCH", "/api/legs/{leg}"): Operation(
        "Change a leg while its call runs; answers with the leg as it is then",
        views.LegLive,
        takes=LegChange,
        refuses=(400, 404, 409, 413, 415),
    ),
    ("POST", "/api/legs/{leg}/flush"): Operation(
        "Drop what waits for the leg's ear",
        Flushed,
        takes=EndCall,
        refuses=(400, 404, 409, 413, 415),
    ),
    ("GET", "/api/legs/{leg}/audio"): Operation(
        "Listen in (WebSocket): s16le, 16 kHz, mono, in binary messages",
        status=101,
        query=(_LANE,),
        refuses=(400, 404, 409, 503),
    ),
    ("POST", "/api/mode"): Operation(
        "How speech is recognised, for all legs or one",
        ModeSet,
        takes=ModeChange,
        refuses=(400, 404, 409, 413, 415),
    ),
    ("GET", "/api/drain"): Operation(
        "Whether new calls are taken, and which calls still run", views.DrainState
    ),
    ("POST", "/api/drain"): Operation(
        "Take no new calls, and end once those that run have ended",
        views.DrainState,
        takes=DrainRequest,
        refuses=(400, 409, 413, 415),
    ),
    ("GET", "/api/stats"): Operation("Counters, delays, providers"),
    ("GET", "/api/settings"): Operation("The settings in force, secrets masked"),
    ("GET", "/api/events"): Operation(
        "Events as they happen (WebSocket), one a message: the shapes are those named …Event",
        status=101,
        query=_NARROW,
        refuses=(400, 503),
    ),
    ("GET", "/api/events/recent"): Operation(
        "The newest 200 events that are kept, oldest first", query=(_CALL_OR_NONE,)
    ),
    ("GET", "/api/live"): Operation(
        "What changes, coalesced, for dashboards (WebSocket): see docs/api.md",
        status=101,
        refuses=(400, 503),
    ),
    ("POST", "/api/talks"): Operation(
        "Make a call from two browsers: a link for each side",
        TalkLinks,
        status=201,
        takes=EndCall,
        refuses=(400, 413, 415, 503),
    ),
    ("GET", "/api/talks/languages"): Operation("What can be spoken at /talk", TalkLanguages),
    ("GET", "/api/talks/audio"): Operation(
        "Talk (WebSocket): s16le, 16 kHz, mono both ways, JSON beside it: see docs/telephony.md",
        status=101,
        query=(("language", {"type": "string"}, "What is spoken and heard."),),
        refuses=(400,),
    ),
    ("GET", "/api/session"): Operation("The role that this client has", Session),
    ("POST", "/login"): Operation(
        "A session for a token", Session, takes=LogIn, refuses=(400, 401, 413, 415)
    ),
    ("POST", "/logout"): Operation("End the session", Session, takes=EndCall, refuses=(400, 415)),
    ("GET", "/health"): Operation("Whether the process is well", Verdict, refuses=(503,)),
    ("GET", "/ready"): Operation(
        "Whether a call that begins now would be translated", Verdict, refuses=(503,)
    ),
    ("GET", "/metrics"): Operation("For Prometheus", media="text/plain"),
    ("GET", "/openapi.json"): Operation("This document", refuses=(503,)),
}
PAGE_ROUTES = frozenset({"/", "/talk", "/static/{name}"})
"""Routes that are no API."""

_PATH_SCHEMAS = {"call": {"type": "string"}, "leg": {"type": "string", "pattern": LEG_NAME}}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The API as one JSON object. Raises `KeyError` for a route that is not described here."""
    shapes = _Shapes()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.path not in PAGE_ROUTES:
            operation = OPERATIONS[route.method, route.path]
            paths.setdefault(route.path, {})[route.method.lower()] = _described(
                route, operation, shapes
            )
    for kind in EVENT_TYPES.values():
        shapes.add(kind, "serialization")
    shapes.add(Watching, "validation")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "translink",
            "version": __version__,
            "description": "Live translation of phone calls: calls, legs, transcripts, events. "
            "Names, not numbers; refusals say why in `error`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "schemas": shapes.schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed unless the server listens on loopback without one.",
                }
            },
        },
    }


def _described(route: Route, operation: Operation, shapes: _Shapes) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method} {route.path}").strip("_").lower(),
        "summary": operation.summary,
        "description": f"Takes the role `{route.role}`.",
        "responses": _responses(route, operation, shapes),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS.get(name, {})}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": meaning, "schema": schema}
        for name, schema, meaning in operation.query
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.takes is not None:
        described["requestBody"] = {
            "required": operation.takes is not EndCall,
            "content": {"application/json": {"schema": shapes.add(operation.takes, "validation")}},
        }
    return described


def _responses(route: Route, operation: Operation, shapes: _Shapes) -> dict[str, Any]:
    schema: _Open = {"type": "object"}
    if operation.gives is not None:
        schema = shapes.add(operation.gives, "serialization")
    good: dict[str, Any] = {"description": "Done." if route.method != "GET" else "Here it is."}
    if operation.status == 101:
        good["description"] = "The WebSocket is open."
    elif operation.media == "application/json":
        good["content"] = {"application/json": {"schema": schema}}
    else:
        good["content"] = {operation.media: {"schema": {"type": "string"}}}
    if _TRANSCRIPT_FORMAT in operation.query:
        text = {"schema": {"type": "string"}}
        good["content"] |= {"application/x-subrip": text, "text/vtt": text, "text/plain": text}
    responses = {str(operation.status): good}
    # Of every route: another site's page, more requests than may be answered beside calls, a body that drips in.
    refuses = {*operation.refuses, 403, 429}
    if route.role != "open":
        refuses.add(401)
    if route.method != "GET":
        refuses.add(408)
    for status in sorted(refuses):
        shape = operation.gives if status == 503 and operation.gives is Verdict else Error
        assert shape is not None
        responses[str(status)] = {
            "description": _STATUS_MEANS[status],
            "content": {"application/json": {"schema": shapes.add(shape, "serialization")}},
        }
    return responses


_STATUS_MEANS = {
    400: "The request is wrong; the reason names what.",
    401: "A token is needed, or it is not the right one.",
    403: "The role does not suffice, or the request comes from another site's page.",
    404: "There is no call or leg of that name.",
    408: "The body did not come in time.",
    409: "A leg of that name is there already.",
    413: "The body is too long.",
    415: "Content-Type should be application/json.",
    429: "Too many wrong tokens, or more requests than are answered beside calls; `Retry-After` says when again.",
    503: "Not now: overloaded, stopping, not ready, or nothing left to give; the reason says which.",
}


class _Shapes:
    """The schemas that were referred to."""

    def __init__(self) -> None:
        self._adapters: dict[tuple[type, Literal["validation", "serialization"]], Any] = {}

    def add(self, shape: type, mode: Literal["validation", "serialization"]) -> dict[str, str]:
        """A reference to it."""
        if (shape, mode) not in self._adapters:
            self._adapters[shape, mode] = TypeAdapter(shape)
        return {"$ref": REF.format(model=shape.__name__)}

    def schemas(self) -> dict[str, Any]:
        """All of them, by name, described as their fields are in the source."""
        _, found = TypeAdapter.json_schemas(
            [(shape, mode, adapter) for (shape, mode), adapter in self._adapters.items()],
            ref_template=REF,
        )
        schemas: dict[str, Any] = dict(found.get("$defs", {}))
        modules = {sys.modules[shape.__module__] for shape, _ in self._adapters}
        for module in (*modules, views):
            for (name, field), text in _descriptions(module).items():
                if field in (properties := schemas.get(name, {}).get("properties", {})):
                    properties[field].setdefault("description", text)
        return dict(sorted(schemas.items()))


def _descriptions(module: ModuleType) -> dict[tuple[str, str], str]:
    """(class, field) and the string below it. Read here, and not by pydantic when the models are
    made, which is at the start of every server."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for statement, after in itertools.pairwise(node.body):
                if (
                    isinstance(statement, ast.AnnAssign)
                    and isinstance(statement.target, ast.Name)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                ):
                    found[node.name, statement.target.id] = inspect.cleandoc(after.value.value)
    return found
