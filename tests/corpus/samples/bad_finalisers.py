"""Coroutines that are made in ``__del__``, which can't await them."""

from __future__ import annotations

import asyncio
from typing import Any

from store import save


class Client:
    me: Any = None

    def __del__(self) -> None:
        loop = asyncio.new_event_loop()
        loop.close()
        try:
            loop.run_until_complete(save(1))  # FOUND missed_await teardown of test_in_a_cycle
        except RuntimeError:
            self.me = None


async def test_in_a_cycle() -> None:
    client = Client()
    client.me = client


class Plain:
    def __del__(self) -> None:
        save(1)  # FOUND missed_await call of test_at_once


async def test_at_once() -> None:
    Plain()
