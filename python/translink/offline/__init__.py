"""The embedded default: Deepgram's, DeepL's and OpenAI's APIs over engines that need no key.

**Theory of operation.** `server` is an HTTP and WebSocket server that any Deepgram, DeepL
or OpenAI client can use by another base URL. It knows the services' rules (`listen` for streams, `query`,
`messages`, `speak`, `translate`, `openai`) and nothing about recognising, translating or speaking: three
engines (`engines`) do that, each in processes of its own. Two sets exist:

* real ones: `recognizer` (pocketsphinx; one decoder process per stream, `decoder`), `translator`
  (the phrasebook, then apertium), `synthesizer` (flite, espeak-ng). Quality: *offline demo
  quality*. English is open dictation; French is the phrasebook and never more.
* `beacon`: words that are exact by construction, for counting losses.

Faults enter through `hooks`. `run` puts it all together: in this process (`start_offline`), as the
command (`run_offline`), or as a child (`OfflineProcess`), which is how `translink serve` uses it:
through the same clients and the same sockets as the real services.

    server = await start_offline()
    ...  # DEEPGRAM_BASE_URL=server.url DEEPL_SERVER_URL=server.url, any key
    await server.close()
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translink.offline.child import OfflineProcess
    from translink.offline.run import RunningOffline, run_offline, start_offline

__all__ = ["OfflineProcess", "RunningOffline", "run_offline", "start_offline"]


def __getattr__(name: str) -> object:
    """On first use: a decoder process, which imports this package too, needs no server in it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from translink.offline import child, run

    return getattr(child if name == "OfflineProcess" else run, name)
