"""The embedded default: Deepgram's, DeepL's and OpenAI's APIs over engines that need no key.

`server` is an HTTP and WebSocket server that any client of theirs can use by another base URL; it knows the
services' rules, and three `engines/`, each in processes of its own, recognise, translate and speak. `run`
puts it together, here or as a command; `child` is how `translink serve` uses it. May import `settings` and
`process`. Start reading at `server`.
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
