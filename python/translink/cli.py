"""The command line: each command parses its arguments and calls one function elsewhere.

Imports happen inside the commands, so that `translink --version` does not wait for providers.

Exit codes: 0 done; 1 failed, the reason is on standard error; 2 wrong arguments or wrong setting;
3 nothing was heard, or words were lost or not understood (`call`, `demo`, `sim`); 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from translink.commands import deploy, recordings
from translink.commands.named import named
from translink.commands.no_effect import without
from translink.commands.options import Config, EnvFile, Json, Set, Token, Url, loaded, target
from translink.errors import SettingsError, TranslinkError, complaints
from translink.process.startup import quick_imports
from translink.replay import command as replay

commands = typer.Typer(
    name="translink",
    help="Translates a phone call while people speak.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Entry point of the `translink` command."""
    try:
        named(commands, sys.argv[1:])()
    except SettingsError as error:
        _complain(error, code=2)
    except (TranslinkError, OSError) as error:
        _complain(error, code=1)
    except KeyboardInterrupt:
        sys.exit(130)


@commands.callback()
def _translink(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda given: _print_version() if given else None,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    pass


@commands.command(short_help="Translate calls until it is to stop (SIGTERM, SIGINT).")
def serve(
    config: Config = None,
    env_file: EnvFile = None,
    mode: Annotated[str | None, typer.Option(help="auto, streaming or prerecorded.")] = None,
    host: Annotated[str | None, typer.Option(help="Where the admin API listens.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Its TCP port; 0 = any.")] = None,
    tls_self_signed: Annotated[
        bool | None,
        typer.Option(
            "--tls-self-signed",
            help="HTTPS with a certificate made here: /talk needs it elsewhere.",
        ),
    ] = None,
    idle_timeout: Annotated[
        float | None, typer.Option(help="Seconds without a datagram that end a call.")
    ] = None,
    ari: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Take calls from the Asterisk whose HTTP server is there."
        ),
    ] = None,
    ari_app: Annotated[
        str | None, typer.Option(help="Name of the dialplan's Stasis application.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json.")] = None,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="From the translink that serves here: it drains, and gives up its ports.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Serve in so many processes, one for each core."),
    ] = None,
    set_: Set = None,
) -> None:
    """Translate calls until it is to stop (SIGTERM, SIGINT) or has drained (SIGUSR1)."""
    with quick_imports():
        from translink import log
        from translink.commands.log_settings import configure_log
        from translink.process.ending import leave
        from translink.settings.model import Settings
        from translink.trust import read_ahead

    def load() -> Settings:
        return Settings.load(
            config=config,
            env_file=env_file,
            flags={
                "--mode": mode,
                "--host": host,
                "--admin-port": admin_port,
                "--tls-self-signed": tls_self_signed or None,
                "--idle-timeout": idle_timeout,
                "--ari": ari,
                "--ari-app": ari_app,
                "--log-level": log_level,
                "--log-format": log_format,
                "--set": set_ or [],
            },
        )

    settings = load()
    configure_log(settings)
    if workers is not None:
        from translink.workers import crew

        leave(crew.serve(settings, load, workers, take_over=take_over), log.close)
    read_ahead()
    with quick_imports():
        from translink import serving
    leave(serving.serve(settings, load, take_over=take_over), log.close)


@commands.command(short_help="Serve Deepgram's and DeepL's API from local engines.")
def offline(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0 = any.")] = 0,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    engine: Annotated[str, typer.Option(help="real, or beacon for tests.")] = "real",
    phrasebook: Annotated[Path | None, typer.Option(help="Your phrases instead of ours.")] = None,
    recognizers: Annotated[
        int | None, typer.Option(min=1, max=64, help="People who may speak at once.")
    ] = None,
    whisper: Annotated[
        str | None, typer.Option(help="A model of Whisper that recognises, by folder or name.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what is missing, and stop.")] = False,
    json: Json = False,
) -> None:
    """Serve Deepgram's and DeepL's API from local engines (offline demo quality)."""
    if engine == "beacon" and not check:
        from translink.sim.testbed import run_testbed

        _leave(run_testbed(host=host, port=port, json=json))
    if engine not in ("real", "beacon"):
        raise typer.BadParameter("real or beacon", param_hint="--engine")
    with quick_imports():
        from translink.offline import run_offline

    _leave(
        run_offline(
            host=host,
            port=port,
            phrasebook=phrasebook,
            recognizers=recognizers,
            whisper=whisper,
            check=check,
            json=json,
        )
    )


@commands.command(short_help="Let two simulated callers talk to each other.")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for recordings and transcript.")] = Path(
        "demo-out"
    ),
    seconds: Annotated[float, typer.Option(min=5, max=3_600, help="How long they talk.")] = 30.0,
    json: Json = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a live display.")
    ] = False,
    use_keys: Annotated[
        bool, typer.Option("--use-keys", help="Use the real services with your keys; they charge.")
    ] = False,
    languages: Annotated[
        str, typer.Option(metavar="ONE,TWO", help="What they speak: two of en, fr, de, es, it.")
    ] = "en,fr",
    talk: Annotated[
        bool, typer.Option("--talk", help="No simulated callers: you talk, from two browsers.")
    ] = False,
) -> None:
    """Let two simulated callers talk to each other, or two browsers. No keys needed."""
    if talk:
        from translink.callers.talk_demo import run_talk_demo

        _leave(run_talk_demo(out=out, use_keys=use_keys))
    from translink.callers.demo import run_demo, two_languages

    try:
        both = two_languages(languages)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--languages") from None
    _leave(run_demo(out, seconds, json, plain, use_keys, both))


@commands.command(short_help="Call a leg: say a WAV file, record what comes back.")
def call(
    leg: Annotated[
        str | None, typer.Option(metavar="NAME", help="Leg to call, as named in the settings.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to send, instead of --leg.")
    ] = None,
    ear: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to listen, instead of the leg's ear. When you call alone, the other leg's "
            "ear: there your words arrive, translated.",
        ),
    ] = None,
    play: Annotated[Path | None, typer.Option(help="WAV file to say, of any rate.")] = None,
    record: Annotated[Path | None, typer.Option(help="WAV file for what is heard.")] = None,
    datagram: Annotated[
        str, typer.Option(metavar="BYTES", help="Size of a datagram, or 'random'.")
    ] = "640",
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Hang up after so long, whatever happens.")
    ] = None,
    linger: Annotated[
        float, typer.Option(min=0, help="Hang up after so much silence at the end.")
    ] = 4.0,
    mute: Annotated[
        bool, typer.Option("--mute", help="Send nothing, not even silence, after the file.")
    ] = False,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """Call a leg: say a WAV file in real time, record what comes back."""
    from translink.callers.call import run_call

    _leave(
        run_call(
            leg=leg,
            to=to,
            ear=ear,
            play=play,
            record=record,
            datagram=datagram,
            seconds=seconds,
            linger=linger,
            mute=mute,
            json=json,
            config=config,
            env_file=env_file,
        )
    )


@commands.command(short_help="Count words through simulated calls with faults.")
def sim(
    context: typer.Context,
    calls: Annotated[int, typer.Option(min=1, max=511, help="Two-way calls at once.")] = 2,
    seconds: Annotated[
        float | None,
        typer.Option(min=1, help="How long they talk [default: 30; a talk, to its end]."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same words and faults.")] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="As in listen:reset@12.5; may be given often."),
    ] = None,
    mode: Annotated[str, typer.Option(help="auto, streaming or prerecorded.")] = "auto",
    shared_port: Annotated[
        bool, typer.Option("--shared-port", help="All callers speak to one port.")
    ] = False,
    talk: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Replay talks with word times instead, and measure the lag."
        ),
    ] = None,
    longer: Annotated[
        float, typer.Option(min=0.3, max=4, help="Of a talk: length of its translation.")
    ] = 1.0,
    talks: Annotated[int, typer.Option(min=1, max=200, help="Copies of a talk at once.")] = 1,
    set_: Set = None,
    report: Annotated[Path | None, typer.Option(help="JSON file for the report.")] = None,
    wav: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Of a talk: write what each ear heard, as WAV."),
    ] = None,
    simulstream: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Of a talk: write the run as OmniSTEval scores it."),
    ] = None,
    json: Json = False,
) -> None:
    """Count words through simulated calls, with faults: none may be lost or doubled."""
    if talk:
        without(context, "calls", "fault", "mode", "shared_port", why="has no effect on a talk")
        from translink.sim.talk.run import run_talk

        _leave(
            run_talk(
                files=talk,
                longer=longer,
                copies=talks,
                seconds=seconds,
                seed=seed,
                settings=set_ or [],
                report=report,
                wav=wav,
                simulstream=simulstream,
                json=json,
            )
        )
    without(context, "longer", "talks", "wav", "simulstream", why="is for talks: see --talk")
    from translink.sim.run import run_sim

    _leave(
        run_sim(
            calls=calls,
            seconds=30.0 if seconds is None else seconds,
            seed=seed,
            faults=fault or [],
            mode=mode,
            shared_port=shared_port,
            settings=set_ or [],
            report=report,
            json=json,
        )
    )


@commands.command(short_help="Show the settings in force and what this machine lacks.")
def check(
    config: Config = None,
    env_file: EnvFile = None,
    set_: Set = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Really ask each provider, with a second of sound, and look at ports, certificate, "
            "clock and descriptors. Exit code 3: refused, 4: not reached, 5: this machine.",
        ),
    ] = False,
    languages: Annotated[
        bool,
        typer.Option(
            "--languages",
            help="Show which providers recognise, translate and speak every language, not the legs' alone.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Show the settings in force and what is missing on this machine; start nothing."""
    settings = loaded(config, env_file, set_)
    if live:
        with quick_imports():
            from translink import log
            from translink.commands.live_check import run_live_check
            from translink.process.ending import leave

        # Warnings of the engines' start go to standard error: standard output is the report.
        log.configure(level="warning", secrets=settings.secrets())
        leave(run_live_check(settings, json=json), log.close)
    with quick_imports():
        from translink.commands.check import run_check

    _leave(run_check(settings, json=json, languages=languages))


@commands.command(short_help="Show how the running server is.")
def status(
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """Show how the running server is: ready or why not, mode, providers, calls. Exit code 1: not
    ready, 3: nobody answers, 4: wrong token."""
    from translink.commands.control import run_status

    _leave(run_status(target(url, token, config, env_file), json=json))


@commands.command(short_help="Show or switch the running server's mode.")
def mode(
    to: Annotated[str | None, typer.Argument(help="auto, streaming or prerecorded.")] = None,
    leg: Annotated[str | None, typer.Option(help="Of this leg alone.")] = None,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of calls that stream in mode auto.")
    ] = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """Show the running server's mode, or switch it while calls run."""
    from translink.commands.control import run_mode

    if leg is not None and to is None:
        raise typer.BadParameter("say which mode the leg should have", param_hint="--leg")
    server = target(url, token, config, env_file)
    _leave(run_mode(server, mode=to, leg=leg, share=share, json=json))


@commands.command(short_help="End a call of the running server.")
def end(
    call: Annotated[str, typer.Argument(help="Its name, as `translink status` shows it.")],
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """End a call: what was said is still translated and spoken."""
    from translink.commands.control import run_end

    _leave(run_end(target(url, token, config, env_file), call, json=json))


@commands.command(
    short_help="Explain a call: delays, failures, losses, sound, and what can be done."
)
def rca(
    call: Annotated[str, typer.Argument(help="Its name, or a file of --save.")],
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the record there, as JSON.")
    ] = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """Explain a call, running or ended. Exit code 0: nothing went wrong, 1: no such call, 3: nobody answers,
    4: wrong token, 5: something went wrong."""
    from translink.commands.rca import run_rca

    _leave(run_rca(call, lambda: target(url, token, config, env_file), save=save, json=json))


deploy.add_to(commands)
recordings.add_to(commands)
replay.add_to(commands)


def _print_version() -> None:
    from translink import __version__

    typer.echo(f"translink {__version__}")
    raise typer.Exit


def _leave(code: int | None) -> NoReturn:
    """What is printed is written; the interpreter is not taken apart first (`process.ending`)."""
    from translink.process.ending import leave

    sys.stderr.flush()
    leave(code or 0)


def _complain(error: Exception, *, code: int) -> None:
    sys.stderr.writelines(complaints(error))
    sys.exit(code)
