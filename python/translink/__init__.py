"""translink translates a phone call while people speak."""

from translink._core import __version__

__all__ = ["__version__"]
