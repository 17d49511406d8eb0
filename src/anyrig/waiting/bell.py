"""What wakes one task of a loop from any thread, and the thread that knows the real time."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from ..backends import running_library
from ..latches import End, Latch
from ..own import asyncio, threading, time


class Bell:
    """Rung in any thread, it wakes the task that waits for it; once rung, until it is `muted`."""

    def __init__(self) -> None:
        from ..own import anyio

        self._new_event = anyio.Event
        self._event = anyio.Event()
        self._call: Callable[..., object]
        if running_library() == "trio":
            from ..own import trio

            self._call = trio.lowlevel.current_trio_token().run_sync_soon
        else:
            self._call = asyncio.get_running_loop().call_soon_threadsafe

    def ring(self) -> None:
        """Wake the task; where its loop has ended, there is nobody to wake."""
        with suppress(RuntimeError):
            self._call(self._sound)

    def turn(self, call: Callable[[], object]) -> None:
        """Have the loop turn once and call this, and wake nobody."""
        with suppress(RuntimeError):
            self._call(call)

    def mute(self) -> None:
        """Wait for the next ring."""
        self._event = self._new_event()

    async def wait(self) -> None:
        """Come back when it was rung."""
        await self._event.wait()

    def _sound(self) -> None:
        self._event.set()


class Alarm:
    """While entered, a thread calls ``over`` when the seconds are, and ``tick`` every so often.

    It knows the real time, whatever the loop's clock says. It is no `threading.Thread`: tests that
    count those count their own alone. Without seconds and without ``tick`` there is no thread.
    """

    def __init__(
        self,
        seconds: float | None,
        over: Callable[[], object],
        tick: Callable[[], object] | None = None,
        every: float = threading.TIMEOUT_MAX,
    ) -> None:
        self._seconds = threading.TIMEOUT_MAX if seconds is None else seconds
        self._over = over
        self._tick = tick
        self._every = every
        self._stop = Latch()
        self._end = End()
        self._is_needed = seconds is not None or tick is not None

    def start(self) -> None:
        """Begin to count."""
        if self._is_needed:
            _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """End, and wait for the thread's end."""
        if self._is_needed:
            self._stop.set()
            self._end.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            end = time.monotonic() + self._seconds
            while (left := end - time.monotonic()) > 0:
                if self._stop.wait(min(left, self._every, threading.TIMEOUT_MAX)):
                    return
                if self._tick is not None:
                    self._tick()
            self._over()
            # who asks for ticks may go on when the time is over
            while self._tick is not None and not self._stop.wait(self._every):
                self._tick()
        finally:
            self._end.set()
