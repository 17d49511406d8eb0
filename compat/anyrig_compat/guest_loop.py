"""The event loop of a guest: asyncio's own, on trio's clock."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

from anyrig.own import asyncio, selectors, trio


class GuestLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on trio's clock, that tells when it has something new to do."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        clock: trio.abc.Clock,
        wake: Callable[[], object],
    ) -> None:
        self._trio_clock = clock
        self._wake = wake
        self.is_in_use = False
        super().__init__(selector)

    def time(self) -> float:
        # not trio.current_time(): threads ask as well
        return self._trio_clock.current_time()

    def close(self) -> None:
        if self.is_in_use:
            raise RuntimeError(
                "this asyncio loop is the guest of a trio run, which closes it at the end of the "
                "block that opened it: take the call of close() away"
            )
        super().close()

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        self._wake()
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        self._wake()
        return handle
