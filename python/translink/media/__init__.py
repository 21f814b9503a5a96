"""The Rust engine, seen from asyncio: legs, their frames and their playout, the port that they share.

May import `settings`, `process` and the root's values. Nothing in it runs once per datagram.
Start with `media`.
"""

from translink.media.media import Media
from translink.media.media_leg import MediaLeg

__all__ = ["Media", "MediaLeg"]
