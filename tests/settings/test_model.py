"""Settings: where they come from, who wins, and what is said about a wrong one."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import ROOT
from translink.errors import SettingsError
from translink.settings.model import Settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in; the process's own environment is not looked at."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(**environ: str) -> Settings:
    return Settings.load(environ=environ)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ=environ)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("TRANSLINK_LEGS__3333__LISTEN", "300.0.0.1:6120", "300.0.0.1 is no IP address"),
        ("TRANSLINK_LEGS__3333__PLAY_TO", f"{'x' * 64}.example:99", "labels have 1 to 63"),
        ("TRANSLINK_AUDIOSOCKET__LISTEN", f"{'x' * 64}.example:99", "labels have 1 to 63"),
        ("TRANSLINK_ADMIN__HOST", f"{'x' * 64}.example", "labels have 1 to 63"),
        ("TRANSLINK_ADMIN__HOST", "300.0.0.1", "300.0.0.1 is no IP address"),
        ("DEEPGRAM_BASE_URL", "https://api.deepgram.com/v1", "adds: https://api.deepgram.com"),
        ("DEEPL_SERVER_URL", "https://api.deepl.com/v2/translate", "adds: https://api.deepl.com"),
        ("DEEPL_SERVER_URL", "https://api.deepl.com/translate", "adds: https://api.deepl.com"),
        ("TRANSLINK_ELEVENLABS__BASE_URL", "http://eleven/text-to-speech", "adds: http://eleven"),
        ("TRANSLINK_OPENAI__SPEAK_URL", "http://oa/audio/speech", "adds: http://oa"),
        ("TRANSLINK_VENDORS__ACME__BASE_URL", "http://acme/translate/", "adds: http://acme"),
        ("TRANSLINK_ARI__URL", "http://127.0.0.1:8088/ari", "adds: http://127.0.0.1:8088"),
        ("OPENAI_BASE_URL", "http://[::1]:80/x/v1/chat", "adds: http://[::1]:80/x"),
        ("DEEPGRAM_BASE_URL", "http://300.0.0.1", "300.0.0.1 is no IP address"),
        ("DEEPGRAM_BASE_URL", f"https://{'x' * 64}.example", "labels have 1 to 63 characters"),
        ("TRANSLINK_OFFLINE__PHRASEBOOK", "nowhere.toml", "no such file"),
        ("TRANSLINK_LEGS__3333__LANGUAGE", "xx", "xx is no language"),
        ("TRANSLINK_WEBHOOK__URL", "http://300.0.0.1", "300.0.0.1 is no IP address"),
        ("TRANSLINK_WEBHOOK__URL", f"http://{'x' * 64}.example", "labels have 1 to 63"),
        ("TRANSLINK_ADMIN__PROXIES", "10.0.0.0/8", "should be an IP address"),
        ("TRANSLINK_ADMIN__ALLOWED_HOSTS", "https://a.example", "should be a host"),
        ("TRANSLINK_ADMIN__ALLOWED_HOSTS", "300.0.0.1:80", "300.0.0.1 is no IP address"),
    ],
)
def test_what_could_only_fail_later_is_refused(
    here: Path, name: str, value: str, right: str
) -> None:
    said = refusal(**{name: value})
    assert name in said
    assert right in said


def test_traces_without_their_extra_are_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translink.settings.process.is_installed", lambda _: False)
    said = refusal(TRANSLINK_OTEL__ENDPOINT="http://127.0.0.1:4318")
    assert "pip install 'translink[otel]'" in said


def test_a_misspelt_name_is_shown_without_its_value(here: Path) -> None:
    said = refusal(TRANSLINK_DEEPGRAM__API_KYE="dg-0123456789abcdef")
    assert "did you mean TRANSLINK_DEEPGRAM__API_KEY?" in said
    assert "0123456789abcdef" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRANSLINK_LEGS__333__TOKN", "0123456789abcdef"),
        ("TRANSLINK_ADMIN__PORT__TOKN", "0123456789abcdef"),
        ("TRANSLINK_DEEPGRAM", "0123456789abcdef"),
        ("TRANSLINK_FALLBACK__DEEPL", '[{"api_kye": "0123456789abcdef"}'),
        ("--set", "deepgram.api_key:0123456789abcdef"),
        ("--set", "deepgram.api_key 0123456789abcdef"),
    ],
)
def test_no_value_is_repeated_that_stands_where_none_belongs(
    here: Path, name: str, value: str
) -> None:
    environ, flags = ({}, {name: [value]}) if name == "--set" else ({name: value}, {})
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ=environ, flags=flags)
    assert name in str(refused.value)
    assert "0123456789abcdef" not in str(refused.value)


def test_a_rule_about_a_leg_is_given_with_the_name_that_broke_it(here: Path) -> None:
    flags = {"--set": ["legs.3333.record=true"]}
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ={"DEEPGRAM_API_KEY": "0123456789abcdef"}, flags=flags)
    assert str(refused.value).startswith("--set legs.3333.record = 'true' (command line): needs")


def test_a_key_is_found_on_the_command_line_however_it_is_written(here: Path) -> None:
    hidden = r'fallback.deepl=[{"api\u005fkey": "0123456789abcdef:fx"}]'
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ={}, flags={"--set": [hidden]})
    assert "everybody on this machine can read it" in str(refused.value)
    assert "0123456789abcdef" not in str(refused.value)


def test_without_any_setting_the_predecessors_gateways_find_their_ports(here: Path) -> None:
    settings = load()
    english, french = settings.legs
    assert (english.name, english.language) == ("3333", "en")
    assert (str(english.listen), str(english.play_to)) == ("127.0.0.1:6120", "127.0.0.1:6121")
    assert (french.name, french.language) == ("4444", "fr")
    assert (str(french.listen), str(french.play_to)) == ("127.0.0.1:6122", "127.0.0.1:6123")
    assert settings.pairs == (("3333", "4444"),)
    assert settings.other("4444") is english
    assert settings.admin.port == 3020
    assert settings.admin.host == "127.0.0.1"
    assert settings.mode == "auto"


def test_each_source_outranks_the_one_before(here: Path) -> None:
    assert load().admin.port == 3020
    (here / "translink.toml").write_text("[admin]\nport = 1001\n")
    assert load().admin.port == 1001
    (here / ".env.externalmedia").write_text("TRANSLINK_ADMIN__PORT=1002\n")
    assert load().admin.port == 1002
    assert load(TRANSLINK_ADMIN__PORT="1003").admin.port == 1003
    flagged = Settings.load(
        environ={"TRANSLINK_ADMIN__PORT": "1003"}, flags={"--admin-port": 1004, "--mode": None}
    )
    assert flagged.admin.port == 1004
    assert [path.name for path in flagged.notes.files] == ["translink.toml", ".env.externalmedia"]


def test_a_source_that_sets_one_field_leaves_its_neighbours_alone(here: Path) -> None:
    (here / "translink.toml").write_text('[deepgram]\nmodel = "nova-2"\nendpointing = 500\n')
    settings = load(TRANSLINK_DEEPGRAM__ENDPOINTING="false")
    assert settings.deepgram.model == "nova-2"
    assert settings.deepgram.endpointing is False


def test_the_predecessors_file_works_unchanged(here: Path) -> None:
    (here / ".env.externalmedia").write_text(
        "# Azure and others live here too\n"
        "USE_DEEPGRAM_STREAMING=false\n"
        'export DEEPGRAM_API_KEY="dg-0123456789"\n'
        "DEEPL_API_KEY='abc:fx'  # free plan\n"
        "AZURE_SPEECH_KEY=zzz\n"
        "ARI_URL=http://127.0.0.1:8088\n"
    )
    settings = load()
    assert settings.mode == "prerecorded"
    assert settings.deepgram.api_key is not None
    assert settings.deepgram.api_key.get_secret_value() == "dg-0123456789"
    assert settings.deepl.api_key is not None
    assert settings.deepl.api_key.get_secret_value() == "abc:fx"
    assert settings.notes.ignored == ("AZURE_SPEECH_KEY", "ARI_URL")


@pytest.mark.parametrize(
    ("flag", "mode"),
    [
        ("true", "auto"),
        ("TRUE", "auto"),
        ("false", "prerecorded"),
        ("0", "prerecorded"),
        ("", "auto"),
    ],
)
def test_the_streaming_flag_chooses_the_mode(here: Path, flag: str, mode: str) -> None:
    assert load(USE_DEEPGRAM_STREAMING=flag).mode == mode


def test_an_explicit_mode_outranks_the_flag_beside_it(here: Path) -> None:
    assert load(USE_DEEPGRAM_STREAMING="true", TRANSLINK_MODE="streaming").mode == "streaming"


def test_an_empty_variable_counts_as_not_set(here: Path) -> None:
    settings = load(DEEPGRAM_API_KEY="", TRANSLINK_ADMIN__PORT="")
    assert settings.deepgram.api_key is None
    assert settings.admin.port == 3020


def test_either_name_of_the_translators_key_will_do(here: Path) -> None:
    settings = load(DEEPL_AUTH_KEY="old-key")
    assert settings.secrets() == {"old-key"}
    assert load(DEEPL_AUTH_KEY="old-key", DEEPL_API_KEY="new-key").secrets() == {"new-key"}


def test_a_leg_is_addressed_by_its_name(here: Path) -> None:
    settings = load(
        TRANSLINK_LEGS__4444__LISTEN="0.0.0.0:7000", TRANSLINK_LEGS__4444__MODE="streaming"
    )
    assert settings.leg("4444").listen == ("0.0.0.0", 7000)
    assert settings.leg("4444").mode == "streaming"
    assert (settings.leg("3333").mode, settings.mode) == (None, "auto")


def test_other_legs_are_paired_in_their_order(here: Path) -> None:
    (here / "translink.toml").write_text(
        "".join(
            f'[[legs]]\nname = {n}\nlanguage = "en"\nlisten = {7000 + n}\nplay_to = {8000 + n}\n'
            for n in range(4)
        )
    )
    settings = load()
    assert settings.pairs == (("0", "1"), ("2", "3"))
    assert settings.leg("2").listen == ("127.0.0.1", 7002)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("6120", ("127.0.0.1", 6120)),
        ("10.0.0.7:0", ("10.0.0.7", 0)),
        ("[::1]:6120", ("::1", 6120)),
        ("gateway.example:6120", ("gateway.example", 6120)),
    ],
)
def test_an_address_is_a_host_and_a_port(here: Path, text: str, address: tuple[str, int]) -> None:
    listen = load(TRANSLINK_LEGS__3333__LISTEN=text).leg("3333").listen
    assert listen == address
    assert load(TRANSLINK_LEGS__3333__LISTEN=str(listen)).leg("3333").listen == address


@pytest.mark.parametrize("text", ["65536", "x", "a:b", "::1:6120", "127.0.0.1:", "127.0.0.1:-1"])
def test_a_wrong_address_is_refused_with_an_example(here: Path, text: str) -> None:
    message = refusal(TRANSLINK_LEGS__3333__LISTEN=text)
    assert message.startswith(
        f"TRANSLINK_LEGS__3333__LISTEN = {text!r} (environment): should be host:port"
    )


def test_a_wrong_value_is_reported_with_its_name_place_and_remedy(here: Path) -> None:
    (here / "translink.toml").write_text("# ports\n[admin]\n\nport = 99999\n")
    assert refusal() == (
        "admin.port = 99999 (translink.toml, line 4): should be less than or equal to 65535"
    )


def test_a_wrong_leg_is_found_in_the_file(here: Path) -> None:
    (here / "translink.toml").write_text(
        '[[legs]]\nname = "a"\nlanguage = "en"\nlisten = 1\nplay_to = 2\n\n'
        '[[legs]]\nname = "b"\nlanguage = "en_US"\nlisten = 3\nplay_to = 4\n'
    )
    assert refusal() == (
        "legs.1.language = 'en_US' (translink.toml, line 9): "
        "should be a language tag with a hyphen, as in en, fr or pt-BR"
    )


def test_all_wrong_values_are_reported_at_once(here: Path) -> None:
    message = refusal(TRANSLINK_ADMIN__PORT="x", TRANSLINK_MODE="fast", TRANSLINK_IDLE_TIMEOUT="0")
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TRANSLINK_ADMIN__PRT", "TRANSLINK_ADMIN__PORT"),
        ("TRANSLINK_IDLE_TIMOUT", "TRANSLINK_IDLE_TIMEOUT"),
        ("TRANSLINK_DEEPGRM__MODEL", "TRANSLINK_DEEPGRAM"),
        ("TRANSLINK_LEGS__333__LISTEN", "3333"),
    ],
)
def test_an_unknown_name_of_ours_is_refused_with_the_nearest(
    here: Path, name: str, meant: str
) -> None:
    message = refusal(**{name: "1"})
    assert message.startswith(name)
    assert message.endswith(f"did you mean {meant}?")


def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(here: Path) -> None:
    (here / "translink.toml").write_text("[deepl]\ntimeuot = 2\n")
    assert refusal() == (
        "deepl.timeuot (translink.toml, line 2): is not a setting; did you mean deepl.timeout?"
    )


def test_no_echo_is_looked_for_unless_somebody_asks(here: Path) -> None:
    """It took answers of people who take turns for echoes."""
    assert not Settings.load().echo.guard


def test_a_secret_is_never_shown(here: Path) -> None:
    secret = "0123 4567"
    assert secret not in refusal(DEEPGRAM_API_KEY=secret)
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ={}, flags={"--set": [f"deepgram.api_key={secret}"]})
    assert secret not in str(refused.value)
    assert "hush" not in refusal(DEEPGRAM_BASE_URL="https://me:hush@example.com")
    (here / "translink.toml").write_text(f'[deepgram]\napikey = "{secret}"\n')
    assert secret not in refusal()
    (here / "translink.toml").write_text('[[fallback.deepl]]\napi_key = "sec0nd"\n')
    settings = load(DEEPL_API_KEY="f1rst", TRANSLINK_ADMIN__TOKEN="th1rd")
    assert settings.secrets() == {"f1rst", "sec0nd", "th1rd"}
    shown = repr(settings) + str(settings.masked())
    assert not [secret for secret in settings.secrets() if secret in shown]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("TRANSLINK_PAIRS", '[["3333", "555"]]', "no leg is called '555'"),
        ("TRANSLINK_PAIRS", '[["3333", "3333"]]', "3333 should be in one pair only"),
        ("TRANSLINK_LEGS__4444__LISTEN", "6120", "127.0.0.1:6120 is there 2 times"),
        ("TRANSLINK_LEGS__4444__NAME", "3333", "name should differ"),
        ("TRANSLINK_LEGS__4444__PLAY_TO", "6121", "play_to should differ"),
        ("TRANSLINK_LEGS", "[]", "should hold at least two legs"),
        ("TRANSLINK_LEGS", "[{", "should be JSON"),
        ("TRANSLINK_LEGS__3333", "x", "should be a table of settings"),
        ("USE_DEEPGRAM_STREAMING", "maybe", "should be true (streaming) or false (prerecorded)"),
        ("DEEPGRAM_BASE_URL", "api.deepgram.com", "should be http(s)://host[:port]"),
        ("TRANSLINK_DEEPGRAM__ENDPOINTING", "true", "or false"),
        ("TRANSLINK_STREAMING_SHARE", "50", "less than or equal to 1"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    here: Path, setting: str, value: str, expected: str
) -> None:
    assert expected in refusal(**{setting: value})


def test_an_odd_leg_has_nobody_to_talk_to(here: Path) -> None:
    message = refusal(TRANSLINK_LEGS='[{"name":"1","language":"en","listen":1,"play_to":2}]')
    assert "1 has nobody to talk to" in message


def test_an_ear_is_needed_unless_the_leg_answers_where_it_was_called(here: Path) -> None:
    legs = '[{"name":"1","language":"en","listen":1},{"name":"2","language":"fr","listen":2}]'
    assert "legs.0.play_to" in refusal(TRANSLINK_LEGS=legs)
    symmetric = legs.replace("}", ',"send_from_listen":true}')
    assert load(TRANSLINK_LEGS=symmetric).leg("1").play_to is None


def test_a_file_that_was_asked_for_must_be_there(here: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: no such file"):
        Settings.load(config=Path("gone.toml"), environ={})
    (here / "bad.toml").write_text("[admin\n")
    with pytest.raises(SettingsError, match=r"bad\.toml: is not TOML"):
        Settings.load(config=Path("bad.toml"), environ={})
    (here / "bad.env").write_text('A=1\nB="open\n')
    with pytest.raises(SettingsError, match=r"bad\.env, line 2: should be NAME=value"):
        Settings.load(env_file=Path("bad.env"), environ={})


def test_any_setting_can_be_set_on_the_command_line(here: Path) -> None:
    settings = Settings.load(
        environ={}, flags={"--set": ["deepl.timeout=2", "legs.3333.listen=0", "voices.fr=agathe"]}
    )
    assert settings.deepl.timeout == 2
    assert settings.leg("3333").listen.port == 0
    assert settings.voices == {"fr": "agathe"}


def test_names_that_are_not_ours_keep_their_capitals(here: Path) -> None:
    options = ["voices.pt-BR=x", "vendors.acme.options.maxTokens=5", "legs.3333.listen=0"]
    settings = Settings.load(environ={}, flags={"--set": options})
    assert settings.voices == {"pt-BR": "x"}
    assert settings.vendors["acme"].options == {"maxTokens": "5"}
    # In the environment names have none; a table has.
    assert load(TRANSLINK_VOICES='{"pt-BR": "x"}').voices == {"pt-BR": "x"}
    assert load(TRANSLINK_VOICES__FR="x").voices == {"fr": "x"}
    with pytest.raises(SettingsError, match="everybody on this machine can read it") as refused:
        Settings.load(environ={}, flags={"--set": ["deepgram.API_KEY=0123456789abcdef"]})
    assert "0123456789abcdef" not in str(refused.value)


def test_a_websocket_address_of_the_service_means_its_http_address(here: Path) -> None:
    assert load(DEEPGRAM_BASE_URL="wss://host:1/x/").deepgram.base_url == "https://host:1/x"


def test_the_readmes_example_is_understood(here: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (here / "translink.toml").write_text(example)
    settings = load()
    assert [leg.language for leg in settings.legs] == ["de", "es"]
    assert settings.fallback.offline


def test_the_reference_is_the_one_that_the_sources_give() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "settings-reference", "--check"], check=True)


@given(
    name=st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"), max_size=30),
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
def test_whatever_the_environment_holds_only_a_settings_error_escapes(
    name: str, value: str
) -> None:
    with contextlib.suppress(SettingsError):
        Settings.load(environ={"TRANSLINK_" + name: value}, directory=Path("/nonexistent"))


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("any", "any"),
        ("192.0.2.7", ("192.0.2.7",)),
        ("192.0.2.7:4000, [2001:db8::7]:4000", ("192.0.2.7:4000", "[2001:db8::7]:4000")),
    ],
)
def test_a_leg_hears_the_sender_it_is_set_to(here: Path, written: str, means: object) -> None:
    assert {leg.source for leg in load().legs} == {"first"}
    one, two = load(TRANSLINK_LEGS__3333__SOURCE=written).legs
    assert (one.source, two.source) == (means, "first")


@pytest.mark.parametrize(
    "written",
    ["gateway", "192.0.2.0/24", "192.0.2.7:", "192.0.2.7:70000", ",".join(["192.0.2.7"] * 9)],
)
def test_a_source_that_the_engine_could_not_take_is_refused(here: Path, written: str) -> None:
    message = refusal(TRANSLINK_LEGS__3333__SOURCE=written)
    assert message.startswith("TRANSLINK_LEGS__3333__SOURCE")
    assert "(environment): should " in message


TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        ({"HOST": "0.0.0.0"}, "is reachable from outside, so admin.token is needed"),
        ({"HOST": "pbx.example"}, "admin.token is needed"),
        ({"HOST": "0.0.0.0", "TOKEN": "short"}, "should have at least 16 characters"),
        ({"HOST": "::", "READ_TOKEN": "short"}, "should have at least 16 characters"),
        ({"TOKEN": TOKEN, "READ_TOKEN": TOKEN}, "should differ from admin.token"),
        ({"ALLOWED_HOSTS": "calls.example.com"}, "lets other hosts in; set admin.token"),
        ({"TLS_KEY": "key.pem"}, "is of no use without admin.tls_cert"),
    ],
    ids=str,
)
def test_an_admin_server_that_would_let_everybody_in_is_refused(
    here: Path, admin: dict[str, str], expected: str
) -> None:
    said = refusal(**{f"TRANSLINK_ADMIN__{name}": value for name, value in admin.items()})
    assert expected in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    "admin",
    [
        {"HOST": "0.0.0.0", "TOKEN": TOKEN},
        {"HOST": "0.0.0.0", "READ_TOKEN": TOKEN},
        {"TOKEN": "short"},
        {"TOKEN": TOKEN, "ALLOWED_HOSTS": "calls.example.com, other.example:8443"},
    ],
    ids=str,
)
def test_an_admin_server_that_is_guarded_may_be_reached(here: Path, admin: dict[str, str]) -> None:
    settings = load(**{f"TRANSLINK_ADMIN__{name}": value for name, value in admin.items()})
    if "ALLOWED_HOSTS" in admin:
        assert settings.admin.allowed_hosts == ("calls.example.com", "other.example:8443")


# --- Lag ---


def test_an_ear_that_is_behind_is_spoken_to_faster_unless_that_is_switched_off(here: Path) -> None:
    assert load().lag.tempo == ((0.3, 1.0), (1.5, 1.35), (4.0, 1.5))
    assert load(TRANSLINK_LAG__FASTEST="1.2").lag.tempo == ((0.3, 1.0), (1.5, 1.2), (4.0, 1.2))
    assert load(TRANSLINK_LAG__FASTEST="1").lag.tempo is None
    assert load(TRANSLINK_LAG__CURVE="[]").lag.tempo is None


@pytest.mark.parametrize(
    ("curve", "right"),
    [
        ("[[2, 1], [1, 1.2]]", "seconds should rise"),
        ("[[1, 1], [2, 1.3], [3, 1.2]]", "factors not fall"),
        ("[[1, 1.1]]", "should begin with a factor of 1"),
        ("[[0, 1], [1, 2.1]]", "should not be faster than 2"),
        ("[[0, 1], [1, 1], [2, 1], [3, 1], [4, 1]]", "at most 4 items"),
        ("[[0, 1], [1, Infinity]]", "finite"),
    ],
)
def test_a_curve_that_the_engine_would_refuse_is_refused(
    here: Path, curve: str, right: str
) -> None:
    assert right in refusal(TRANSLINK_LAG__CURVE=curve)


def test_by_default_nobody_is_interrupted_and_no_word_left_out(here: Path) -> None:
    assert load().lag.ask_for_pause == load().lag.leave_out == 0
    said = refusal(TRANSLINK_LAG__ASK_FOR_PAUSE="8", TRANSLINK_LAG__LEAVE_OUT="5")
    assert "should not come before ask_for_pause" in said


def test_a_bound_of_lag_that_no_ear_ever_reaches_is_refused(here: Path) -> None:
    """The ear was full, and nothing was left out."""
    assert load(TRANSLINK_LAG__LEAVE_OUT="30").lag.leave_out == 30
    for name in ("TRANSLINK_LAG__LEAVE_OUT", "TRANSLINK_LAG__ASK_FOR_PAUSE"):
        said = refusal(**{name: "45"})
        assert said.startswith(name)
        assert "should be at most 33.7" in said
    gentle = "[[10, 1.0], [60, 1.5]]"  # 50 s of sound take 43.6
    load(TRANSLINK_LAG__LEAVE_OUT="43", TRANSLINK_LAG__CURVE=gentle)
    said = refusal(TRANSLINK_LAG__LEAVE_OUT="44", TRANSLINK_LAG__CURVE=gentle)
    assert "should be at most 43.6" in said
    assert load(TRANSLINK_LAG__LEAVE_OUT="45", TRANSLINK_LAG__FASTEST="1").lag.leave_out == 45
    assert load(TRANSLINK_LAG__LEAVE_OUT="45", TRANSLINK_LAG__CURVE="[]").lag.leave_out == 45
