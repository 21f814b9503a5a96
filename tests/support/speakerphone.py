"""A telephone whose ear comes back through its microphone."""

from __future__ import annotations

import array
import asyncio
import time
from collections.abc import Callable

from translink.callers.caller import MAX_DATAGRAM, Address, Caller, Said

RATE = 16_000


class Speakerphone(Caller):
    """Says what it is asked to, and all that its ear is sent: `lag` seconds later and `gain` times as
    loud."""

    def __init__(
        self,
        to: Address,
        ear: Address,
        *,
        lag: float,
        gain: float,
        record: Callable[[bytes], object] | None = None,
    ) -> None:
        super().__init__(to, ear=ear, record=record)
        self._lag = lag
        self._gain = gain
        self._room = array.array("h")
        """What came out of the loudspeaker, from `_zero` on."""
        self._zero = time.monotonic()

    def _capture(self, size: int, at: float) -> tuple[bytes, asyncio.Future[Said] | None]:
        said, finished = super()._capture(size, at)
        voice = array.array("h", said)
        first = round((at - self._lag - self._zero) * RATE)
        for n in range(len(voice)):
            place = first + n
            if 0 <= place < len(self._room):
                voice[n] = max(-32_768, min(32_767, voice[n] + int(self._gain * self._room[place])))
        return voice.tobytes(), finished

    def _receive(self) -> None:
        while True:
            try:
                payload, _ = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer
                continue
            now = time.monotonic()
            self.heard.hear(payload, now)
            missing = round((now - self._zero) * RATE) - len(self._room)
            if missing > RATE * 6 // 100:  # a pause, and no jitter
                self._room.frombytes(bytes(2 * missing))
            self._room.frombytes(payload)
