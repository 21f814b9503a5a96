"""Each protection, the change that takes it away, and the tests that must fail then.

`tools/mutate-guards` makes the changes one at a time in a copy and runs the tests;
`tests/test_guards.py` sees to it that the table fits the sources. A row that its tests survive is a
protection that somebody could lose without noticing.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One protection taken away."""

    protection: str
    file: str
    """Below `python/translink`."""
    old: str
    """Is there exactly once."""
    new: str
    tests: str
    """Arguments of pytest: a file, and `-k` with the name."""


def table() -> str:
    """Protections and their tests, as docs/security.md has them."""
    lines = ["| protection | lost, these fail |", "|---|---|"]
    lines += [f"| {mutation.protection} | `{mutation.tests}` |" for mutation in MUTATIONS]
    return "\n".join(lines)


ADMIN_ACCESS = "tests/admin/access/test_roles.py"
GUARD = "tests/admin/access/test_guard.py"
CONNECTIONS = "tests/admin/access/test_connections.py"
THROTTLE = "tests/admin/access/test_throttle.py"
SESSIONS = "tests/admin/access/test_sessions.py"
TLS = "tests/admin/access/test_tls.py"
KEYS = "tests/settings/test_secrets.py"
LOG = "tests/log/test_setup.py"
SECRETS = "tests/test_secrets.py"

MUTATIONS: tuple[Mutation, ...] = (
    # --- Access ---
    Mutation(
        "beyond loopback only with a token (server)",
        "admin/access/roles.py",
        "if not self._tokens and not self._is_local:",
        "if False:",
        f"{ADMIN_ACCESS} -k address_open_to_others",
    ),
    Mutation(
        "beyond loopback only with a token (settings)",
        "settings/admin.py",
        "if not is_loopback(self.host) and not (token or read_token):",
        "if False:",
        "tests/settings/test_model.py -k everybody_in",
    ),
    Mutation(
        "no token that can be guessed beyond loopback",
        "settings/admin.py",
        "if value and len(value) < SHORTEST_TOKEN and not is_loopback(self.host):",
        "if False:",
        f"{TLS} -k short_token",
    ),
    Mutation(
        "a wrong token opens nothing",
        "admin/access/roles.py",
        "if hmac.compare_digest(shown, digest):",
        "if hmac.compare_digest(shown, digest) or True:",
        f"{ADMIN_ACCESS} -k token",
    ),
    Mutation(
        "tokens are compared in constant time",
        "admin/access/roles.py",
        "if hmac.compare_digest(shown, digest):",
        "if shown == digest:",
        f"{ADMIN_ACCESS} -k constant_time",
    ),
    Mutation(
        "the length of a token does not show",
        "admin/access/roles.py",
        "return hashlib.sha256(value).digest()",
        "return value",
        f"{ADMIN_ACCESS} -k constant_time",
    ),
    Mutation(
        "a stranger gets no data",
        "admin/access/roles.py",
        "if role is None:\n            return 401",
        "if False:\n            return 401",
        f"{GUARD} -k closed_to_strangers",
    ),
    Mutation(
        "a reading token may not control",
        "admin/access/roles.py",
        "if _ROLES.index(role) < _ROLES.index(least):",
        "if False:",
        f"{GUARD} -k reading_token",
    ),
    Mutation(
        "a route that was forgotten is closed",
        "admin/http/route.py",
        '.get((route.resource, method), "control")',
        '.get((route.resource, method), "open")',
        f"{GUARD} -k in_no_table",
    ),
    Mutation(
        "routes with one handler keep their roles",
        "admin/http/route.py",
        "roles[added.resource, route.method] = route.role",
        "roles.update({(r.resource, r.method): route.role for r in app.router.routes()})",
        f"{GUARD} -k 'in_no_table or listening_in'",
    ),
    Mutation(
        "a stranger does not learn what paths there are",
        "admin/http/route.py",
        'if request.match_info.http_exception is not None:\n        return "read"',
        'if request.match_info.http_exception is not None:\n        return "open"',
        f"{GUARD} -k what_paths_there_are",
    ),
    Mutation(
        "listening in is off unless it is set",
        "admin/access/roles.py",
        'if wanted == "listen" and not self._listen_in:',
        "if False:",
        f"{GUARD} -k listening_in",
    ),
    Mutation(
        "listening in takes the role control",
        "admin/access/roles.py",
        'least: Role = "control" if wanted == "listen" else wanted',
        'least: Role = "read" if wanted == "listen" else wanted',
        f"{GUARD} -k listening_in",
    ),
    Mutation(
        "a call that somebody listens to is marked",
        "calls/leg.py",
        "self.listeners += 1",
        "pass",
        "tests/calls/test_tap.py -k seen_by_all",
    ),
    Mutation(
        "listening in is shown to all who watch",
        "admin/panel/console.py",
        'self._journal.emit("listening", {"state": state, "lane": lane}, call=call, leg=leg)',
        "pass",
        "tests/calls/test_tap.py -k seen_by_all",
    ),
    Mutation(
        "what is done is logged",
        "admin/access/guard.py",
        'if wanted in ("control", "listen"):',
        "if False:",
        f"{GUARD} -k role_control_is_logged",
    ),
    Mutation(
        "health without a token has no details",
        "admin/server.py",
        "known=is_known",
        "known=lambda _: True",
        f"{ADMIN_ACCESS} -k no_details",
    ),
    # --- Other sites' pages ---
    Mutation(
        "a name that was pointed at loopback is refused (DNS rebinding)",
        "admin/access/roles.py",
        "if (self._is_local or self._hosts) and not self._is_ours(host):",
        "if False:",
        f"{ADMIN_ACCESS} -k pointed_at_loopback",
    ),
    Mutation(
        "behind a proxy only allowed names count",
        "admin/access/roles.py",
        "return host in self._hosts or (",
        'return "." in host or (',
        f"{ADMIN_ACCESS} -k behind_a_proxy",
    ),
    Mutation(
        "names for others need a token",
        "admin/access/roles.py",
        "if not self._tokens and self._hosts:",
        "if False:",
        f"{ADMIN_ACCESS} -k names_for_others",
    ),
    Mutation(
        "another site's page can not act or listen (CSRF, WebSocket hijacking)",
        "admin/access/roles.py",
        "if origin is not None and not self._is_own_origin(origin.lower(), host):",
        "if False:",
        f"{ADMIN_ACCESS} -k another_sites_page",
    ),
    Mutation(
        "an Origin that is no place is refused",
        "admin/access/roles.py",
        'return scheme in ("http", "https") and bool(place) and place in (host, *self._hosts)',
        "return not place or place.startswith(host)",
        f"{ADMIN_ACCESS} -k odd_origins",
    ),
    Mutation(
        "another site's page gets no answer to embed",
        "admin/access/roles.py",
        'if headers.get("Sec-Fetch-Site", "none").lower() not in ("same-origin", "none"):',
        "if False:",
        f"{ADMIN_ACCESS} -k answer_to_embed",
    ),
    Mutation(
        "a form can not act",
        "admin/access/guard.py",
        "must_be_json(request)  # no form can send a DELETE",
        "pass",
        f"{GUARD} -k form_acts",
    ),
    Mutation(
        "a cookie alone does not act",
        "admin/access/roles.py",
        'and "Origin" not in headers:',
        "and False:",
        f"{GUARD} -k cookie_alone",
    ),
    # --- Sessions ---
    Mutation(
        "no script reads the cookie",
        "admin/access/guard.py",
        '"httponly": True',
        '"httponly": False',
        f"{GUARD} -k gets_the_cookie",
    ),
    Mutation(
        "no other site sends the cookie",
        "admin/access/guard.py",
        '"samesite": "Strict"',
        '"samesite": "Lax"',
        f"{GUARD} -k gets_the_cookie",
    ),
    Mutation(
        "over TLS the cookie stays there",
        "admin/access/guard.py",
        "return self._secure or (",
        "return False and (",
        f"{TLS} {GUARD} -k 'over_tls or gets_the_cookie'",
    ),
    Mutation(
        "ids of sessions are random",
        "admin/access/guard.py",
        "id_ = secrets.token_urlsafe(32)",
        'id_ = "translink-session-%032d" % len(self.sessions)',
        f"{GUARD} -k 'gets_the_cookie or share_an_id'",
    ),
    Mutation(
        "a session ends at log-out",
        "admin/access/sessions.py",
        "self._open.pop(_key(id_), None)",
        "pass",
        f"{GUARD} {SESSIONS} -k log_out",
    ),
    Mutation(
        "with a session its streams end",
        "admin/access/guard.py",
        "transport.abort()",
        "pass",
        f"{GUARD} -k its_streams_end",
    ),
    Mutation(
        "a session ends when it is idle",
        "admin/access/sessions.py",
        "return now - session.used > self.idle or now",
        "return now",
        f"{SESSIONS} -k idle",
    ),
    Mutation(
        "a session ends some day",
        "admin/access/sessions.py",
        "now - session.began > LONGEST_SESSION",
        "False",
        f"{SESSIONS} -k some_day",
    ),
    Mutation(
        "sessions are bounded",
        "admin/access/sessions.py",
        "while len(self._open) > MOST_SESSIONS:",
        "while False:",
        f"{SESSIONS} -k one_too_many",
    ),
    Mutation(
        "no id of a session is kept",
        "admin/access/sessions.py",
        'return hashlib.sha256(id_.encode(errors="surrogateescape")).digest()',
        'return id_.encode(errors="surrogateescape")',
        f"{SESSIONS} -k no_id_is_kept",
    ),
    # --- Guessing ---
    Mutation(
        "guessing is slowed down",
        "admin/access/guard.py",
        "if (wait := self.throttle.wait(address, now)) > 0:",
        "if (wait := 0.0) > 0:",
        f"{GUARD} -k guessing",
    ),
    Mutation(
        "one address guesses ten times a minute",
        "admin/access/throttle.py",
        "self._paid[who] = max(self._paid.pop(who, now), now) + GUESS_SECONDS",
        "self._paid[who] = now",
        f"{THROTTLE} -k burst",
    ),
    Mutation(
        "all addresses together guess once a second",
        "admin/access/throttle.py",
        "self._all_paid = max(self._all_paid, now) + OVERALL_EVERY",
        "pass",
        f"{THROTTLE} -k all_together",
    ),
    Mutation(
        "nobody can lock the operator out by guessing from elsewhere",
        "admin/access/throttle.py",
        "if who not in self._known:",
        "if True:",
        f"{THROTTLE} -k all_together",
    ),
    Mutation(
        "a host with many addresses is one",
        "admin/access/throttle.py",
        "return str(ipaddress.ip_network((ip, 64), strict=False))",
        "return str(ip)",
        f"{THROTTLE} -k 64_addresses",
    ),
    Mutation(
        "addresses remembered are bounded",
        "admin/access/throttle.py",
        "if len(self._known) > MOST_ADDRESSES:",
        "if False:",
        f"{THROTTLE} -k places",
    ),
    Mutation(
        "only a proxy we believe says where a request comes from",
        "admin/access/guard.py",
        "while address in self._proxies and forwarded",
        "while forwarded",
        f"{GUARD} -k proxy_we_believe",
    ),
    # --- What a client may send, and for how long ---
    Mutation(
        "bodies are bounded",
        "admin/server.py",
        "client_max_size=BODY_LIMIT",
        "client_max_size=2**30",
        f"{GUARD} -k large_body",
    ),
    Mutation(
        "bodies come in time",
        "admin/access/guard.py",
        "async with asyncio.timeout(BODY_TIME):",
        "async with asyncio.timeout(None):",
        f"{GUARD} -k does_not_come",
    ),
    Mutation(
        "request lines are bounded",
        "admin/server.py",
        "max_line_size=LINE_LIMIT,",
        "",
        f"{GUARD} -k large_head",
    ),
    Mutation(
        "header fields are bounded",
        "admin/server.py",
        "max_field_size=FIELD_LIMIT,",
        "max_field_size=2**20,",
        f"{GUARD} -k large_head",
    ),
    Mutation(
        "the number of header fields is bounded",
        "admin/server.py",
        "max_headers=FIELDS_LIMIT,",
        "",
        f"{GUARD} -k large_head",
    ),
    Mutation(
        "nothing is unpacked",
        "admin/server.py",
        "auto_decompress=False,",
        "",
        f"{GUARD} -k unpacked",
    ),
    Mutation(
        "a request that drips in is cut off",
        "admin/access/connections.py",
        "self.sending_since is not None and now - self.sending_since > REQUEST_TIME",
        "False",
        f"{CONNECTIONS} -k drips",
    ),
    Mutation(
        "a connection that says nothing is cut off",
        "admin/access/connections.py",
        "return self.idle_since is not None and now - self.idle_since > IDLE_TIME",
        "return False",
        f"{CONNECTIONS} -k says_nothing",
    ),
    Mutation(
        "connections are bounded",
        "admin/access/connections.py",
        "if len(self) >= self.most and not self._make_room():",
        "if False:",
        f"{CONNECTIONS} -k 'newcomer or makes_room'",
    ),
    Mutation(
        "a connection that is not used makes room",
        "admin/access/connections.py",
        "self._cut(min(idle, key=lambda watch: (-held[watch.address], watch.idle_since or 0.0)))\n        return True",
        "return False",
        f"{CONNECTIONS} -k makes_room",
    ),
    Mutation(
        "a handshake that does not end holds no place",
        "admin/access/connections.py",
        "ssl_handshake_timeout=REQUEST_TIME if self._tls else None,",
        "",
        f"{TLS} -k handshake",
    ),
    Mutation(
        "nobody waits longer than a second",
        "admin/access/rate.py",
        "if wait > LONGEST_WAIT:",
        "if False:",
        "tests/admin/access/test_rate.py -k 'waits_for_long or come_back'",
    ),
    Mutation(
        "an address that floods takes nothing from others",
        "admin/access/rate.py",
        "wait = max(wait, self._address_wait(address, now))",
        "pass",
        "tests/admin/access/test_rate.py -k flood_from_one_address",
    ),
    Mutation(
        "a body that drips in holds no place",
        "admin/access/guard.py",
        "await _body(request)",
        "self.connections.begun(request.transport)\n                await _body(request)",
        f"{CONNECTIONS} -k body_that_drips",
    ),
    Mutation(
        "every line of X-Forwarded-For counts",
        "admin/access/guard.py",
        'request.headers.getall("X-Forwarded-For", ())',
        '[request.headers.get("X-Forwarded-For", "")]',
        f"{GUARD} -k two_lines",
    ),
    Mutation(
        "with a session that expired its streams end",
        "admin/server.py",
        "connections.on_sweep = self.guard.end_streams",
        "pass",
        f"{GUARD} -k that_expired",
    ),
    Mutation(
        "a handshake counts from the moment it is accepted",
        "admin/access/connections.py",
        "self._watches.add(watch)\n            task",
        "task",
        f"{TLS} -k moment_it_is_accepted",
    ),
    Mutation(
        "a flood of small messages waits in the kernel",
        "admin/access/connections.py",
        "self._credit -= max(READ_COST, len(data))",
        "pass",
        "tests/admin/access/test_rate.py -k in_the_kernel",
    ),
    Mutation(
        "requests are answered at a bounded pace",
        "admin/access/guard.py",
        "if wait > 0 and self.connections is not None:",
        "if False:",
        "tests/admin/access/test_rate.py -k hung_up",
    ),
    Mutation(
        "event streams, dashboards and listeners are bounded",
        "admin/routes/sockets.py",
        "if self._taken >= self.most:",
        "if False:",
        "tests/admin/routes/test_events.py tests/admin/routes/test_live.py tests/admin/routes/test_audio.py "
        "-k 'limit_to_watchers or limit_to_dashboards or limit_to_listeners'",
    ),
    Mutation(
        "messages from a stream's client are bounded",
        "admin/routes/sockets.py",
        "max_msg_size=self._longest",
        "max_msg_size=0",
        f"{GUARD} -k long_message",
    ),
    Mutation(
        "a dashboard that falls behind is cut off",
        "admin/routes/live.py",
        "if len(self._events) >= EVENTS_BEHIND:",
        "if False:",
        "tests/admin/routes/test_live.py -k falls_behind",
    ),
    Mutation(
        "a dashboard that says too much is cut off",
        "admin/routes/live.py",
        "if allowed < 0:",
        "if False:",
        "tests/admin/routes/test_live.py -k too_often",
    ),
    Mutation(
        "created calls are bounded",
        "calls/exchange.py",
        "if self._created() >= 2 * self._settings.max_created:",
        "if False:",
        "tests/calls/test_exchange.py -k beyond_the_limit",
    ),
    Mutation(
        "a bug is not shown to the client",
        "admin/access/guard.py",
        'return problem(500, "a bug in translink; the log has the details")',
        "raise",
        f"{GUARD} -k bug_is_told",
    ),
    Mutation(
        "nobody fills the log with requests that are none",
        "admin/access/noise.py",
        "return unlogged is not None",
        "return True",
        f"{GUARD} -k requests_that_are_none",
    ),
    Mutation(
        "nothing of such a request is logged",
        "admin/server.py",
        "logger=self.guard.noise.logger,",
        "",
        f"{GUARD} -k requests_that_are_none",
    ),
    Mutation(
        "security headers",
        "admin/access/guard.py",
        "response.headers.setdefault(name, value)",
        "pass",
        f"{GUARD} -k security_headers",
    ),
    # --- TLS ---
    Mutation(
        "no old TLS",
        "admin/access/tls.py",
        "self.context.minimum_version = ssl.TLSVersion.TLSv1_2",
        "self.context.minimum_version = ssl.TLSVersion.TLSv1",
        f"{TLS} -k old_tls",
    ),
    Mutation(
        "a token over plain HTTP is warned of",
        "admin/server.py",
        "if tls is None and not is_loopback(settings.host):",
        "if False:",
        f"{TLS} -k warned_of",
    ),
    Mutation(
        "a renewed certificate is read on SIGHUP",
        "app.py",
        "self._admin.reload_certificate()",
        "pass",
        "tests/test_app.py -k certificate",
    ),
    # --- Secrets ---
    Mutation(
        "no secret in the log",
        "log/redaction.py",
        "text = self._known.sub(MASK, text)",
        "pass",
        f"{LOG} -k secret",
    ),
    Mutation(
        "no secret when the program dies of a bug",
        "log/setup.py",
        "sys.excepthook = _died",
        "pass",
        f"{LOG} -k ends_by_a_bug",
    ),
    Mutation(
        "no secret that a provider repeats (HTTP, WebSocket)",
        "errors.py",
        'text = text.replace(known, "***")',
        "pass",
        f"{SECRETS} -k repeat",
    ),
    Mutation(
        "no secret that a provider repeats on a stream",
        "app.py",
        "conceal(settings.secrets())",
        "pass",
        f"{SECRETS} -k repeat",
    ),
    Mutation(
        "no secret in the settings that are shown",
        "settings/model.py",
        'return self.model_dump(mode="json", exclude=None if legs else {"legs"})',
        'return self.model_dump(mode="json") | {"x": [*self.secrets()]}',
        f"{SECRETS} -k 'repeat or check'",
    ),
    Mutation(
        "no secret in what is said about a wrong setting",
        "settings/explain.py",
        "{'********' if secret else repr(value)}",
        "{repr(value)}",
        f"{SECRETS} -k start_that_fails",
    ),
    Mutation(
        "no core dump",
        "app.py",
        "    _forbid_core_dumps()\n",
        "",
        f"{SECRETS} -k repeat",
    ),
    Mutation(
        "no secret on the command line",
        "settings/load.py",
        "if _shows_a_secret(path, text):",
        "if False:",
        f"{KEYS} -k command_line",
    ),
    Mutation(
        "no secret in a URL on the command line",
        "settings/secrets.py",
        "return _PASSWORD_IN_URL.match(value.strip()) is not None",
        "return False",
        f"{KEYS} -k inside_a_url",
    ),
    Mutation(
        "every secret setting is known as one",
        "settings/secrets.py",
        '"twilio_token", ',
        "",
        f"{KEYS} -k 'last_name or command_line'",
    ),
    Mutation(
        "while no call may begin no links to talk are made",
        "pbx/desk.py",
        "if reason is not None:",
        "if False:",
        "tests/test_drain.py -k lets_its_calls",
    ),
    Mutation(
        "a file with a key that all can read is noted",
        "settings/load.py",
        "if _holds_secret(path, entries) and readable_by_all(path)",
        "if False",
        f"{KEYS} -k all_can_read",
    ),
    Mutation(
        "a file with a key that all can read is warned of",
        "app.py",
        "for file in settings.notes.exposed:",
        "for file in ():",
        "tests/test_app.py -k all_can_read",
    ),
    Mutation(
        "child processes get no keys",
        "settings/secrets.py",
        "if not name.startswith(_OURS)",
        "",
        f"{KEYS} -k child_processes",
    ),
    # --- What providers send ---
    Mutation(
        "a recogniser's text is bounded",
        "providers/deepgram/protocol.py",
        "if len(text) > LONGEST_TEXT:",
        "if False:",
        "tests/providers/deepgram/test_protocol.py -k longer_than_speech",
    ),
    Mutation(
        "a translation is bounded",
        "providers/deepl.py",
        "if not translated.strip() or len(translated) > _GROWTH * len(text) + _ROOM:",
        "if not translated.strip():",
        "tests/providers/test_deepl.py -k far_too_long",
    ),
    Mutation(
        "a voice is bounded",
        "providers/sound.py",
        "if pcm.samples > longest * pcm.rate:",
        "if False:",
        "tests/providers/deepgram/test_speak.py -k never_ends",
    ),
    Mutation(
        "answers of providers are bounded",
        "providers/http.py",
        "if len(body) > limit:",
        "if False:",
        "tests/providers/test_deepl.py -k not_read_to_its_end",
    ),
    # --- Privacy ---
    Mutation(
        "the log without people's words",
        "log/setup.py",
        "*([] if text and digits else [Discretion(text=text)]),",
        "",
        f"{LOG} -k log_can_be_kept",
    ),
    Mutation(
        "digits are left out of transcripts and events",
        "app.py",
        "redact_digits if settings.transcripts.redact_digits else None",
        "None",
        "tests/test_privacy.py -k left_out",
    ),
    Mutation(
        "transcripts are forgotten in time",
        "observe/transcripts.py",
        "if not too_many and now - minutes.ended <= self._retention:",
        "if not too_many:",
        "tests/test_privacy.py -k left_out",
    ),
    # --- What comes over the telephone system ---
    Mutation(
        "only the sender that the settings name is heard",
        "media.py",
        '"nobody" if told_later else leg.source,',
        '"nobody" if told_later else "any",',
        "tests/test_media.py -k only_the_named_sender",
    ),
    Mutation(
        "an AudioSocket party that names no call is hung up",
        "pbx/audiosocket.py",
        "leg = self._legs.get(name) or self._named(name)",
        "leg = self._legs.get(name) or self._named(name) or next(iter(self._desk.legs))",
        "tests/pbx/test_audiosocket.py -k names_no_call",
    ),
    Mutation(
        "Asterisk's password leaves its URL, and is a secret",
        "settings/telephony.py",
        '"url": bare}',
        '"url": url}',
        "tests/settings/test_telephony.py -k password_leaves",
    ),
    Mutation(
        "no answer is taken for an echo unless the guard is asked for",
        "settings/lag.py",
        "guard: bool = False",
        "guard: bool = True",
        "tests/settings/test_model.py -k no_echo_is_looked_for",
    ),
    # --- Where voices and keys go ---
    Mutation(
        "a stream follows no redirect to another host",
        "providers/deepgram/live.py",
        "        return exc\n",
        "        return super().process_redirect(exc)\n",
        "tests/providers/deepgram/test_live.py -k redirect_is_followed",
    ),
    Mutation(
        "a request follows no redirect to another host",
        "providers/http.py",
        "allow_redirects=False,",
        "allow_redirects=True,",
        "tests/providers/test_http.py -k status_decides",
    ),
    Mutation(
        "no web page takes the local engines",
        "offline/server.py",
        'if foreign or "Origin" in request.headers:',
        "if False:",
        "tests/offline/test_server.py -k web_page",
    ),
    Mutation(
        "a name that was pointed at the local engines is refused",
        "offline/server.py",
        "foreign = is_loopback(self._host) and",
        "foreign = False and",
        "tests/offline/test_server.py -k web_page",
    ),
    Mutation(
        "the local engines let in this start's key only",
        "offline/gate.py",
        "return hmac.compare_digest(key.encode(), self._key.encode())",
        "return True",
        "tests/offline/test_server.py -k key_alone",
    ),
    Mutation(
        "callers' words stand on no command line",
        "offline/engines/synthesizer.py",
        "        *speaker.arguments,\n",
        '        *speaker.arguments,\n        *(["card"] if output else ["-w", "card"]),\n',
        "tests/offline/engines/test_protocols.py -k command_line",
    ),
    Mutation(
        "the demonstration's recordings are its user's",
        "callers/demo.py",
        "        make_private(folder)\n",
        "        folder.mkdir(parents=True, exist_ok=True)\n",
        "tests/callers/test_demo.py -k names_the_extra",
    ),
    # --- The process ---
    Mutation(
        "SIGTERM ends a start that hangs",
        "app.py",
        "        if not app.condition.serving or stop.is_set():\n",
        "        if False:\n",
        "tests/process/test_ending.py -k hangs_in_a_start",
    ),
    Mutation(
        "SIGTERM ends a container's first process",
        "__main__.py",
        "if os.getpid() == 1:",
        "if False:",
        "tests/test_cli.py -k first_process",
    ),
    Mutation(
        "settings that cannot be read stop nothing",
        "app.py",
        "new = await in_thread(self._reread, RELOAD)",
        "new = self._reread()",
        "tests/test_app.py -k cannot_be_read_in_time",
    ),
    Mutation(
        "no descriptor left is not the provider's fault",
        "providers/http_errors.py",
        "if isinstance(exc, OSError) and exc.errno in SHORTAGES:",
        "if False:",
        "tests/providers/test_http_errors.py -k no_descriptor_left",
    ),
    Mutation(
        "long work for a watcher lets the calls have their turns",
        "admin/http/slices.py",
        "if time.monotonic() >= until:\n",
        "if False:\n",
        "tests/admin/http/test_slices.py -k 'few_legs or others_get'",
    ),
    Mutation(
        "nothing that is said forges a line of the log or drives a terminal",
        "log/rendering.py",
        'return value if value.isprintable() else "".join(map(_letter, value))',
        "return value",
        f"{LOG} -k forges_a_line",
    ),
    Mutation(
        "a peer cannot flood the log",
        "log/flood.py",
        "        if window[1] >= self._burst:\n",
        "        if False:\n",
        f"{LOG} -k flood_the_log",
    ),
    # --- Whom we tell ---
    Mutation(
        "a webhook follows no redirect",
        "observe/webhooks.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "tests/observe/test_webhooks.py -k redirect",
    ),
    Mutation(
        "a webhook's URL holds no key and is http(s)",
        "settings/webhook.py",
        "if parts.username or parts.password or parts.query or parts.fragment:",
        "if False:",
        "tests/observe/test_webhooks.py -k would_not_do",
    ),
    Mutation(
        "a webhook is signed over id, time and body",
        "observe/webhooks.py",
        'f"{id_}.{stamp}.".encode() + body',
        'f"{id_}.{stamp}.".encode()',
        "tests/observe/test_webhooks.py -k believe",
    ),
    Mutation(
        "a recording is its user's",
        "recording/store.py",
        "PRIVATE_FILE = 0o600",
        "PRIVATE_FILE = 0o644",
        "tests/recording/test_store.py -k nobody_else",
    ),
    Mutation(
        "nothing of an encrypted recording can be left out unseen",
        "recording/cipher.py",
        'return number.to_bytes(11, "big") + bytes([last])',
        "return bytes(12)",
        "tests/recording/test_cipher.py -k places",
    ),
    Mutation(
        "of a party who is not recorded no word is kept beside a recording",
        "recording/minutes.py",
        'text=line.text if line.leg in recorded else "",',
        "text=line.text,",
        "tests/recording/test_recorder.py -k switched",
    ),
)
