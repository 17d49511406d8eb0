"""Event loops that outlive the test which gave them something to do."""

from __future__ import annotations

import asyncio
from typing import Any

from store import save

idle = asyncio.new_event_loop()
busy = asyncio.new_event_loop()
TASKS: list[Any] = []


def test_gives_a_task_to_a_loop_that_never_runs() -> None:
    TASKS.append(idle.create_task(save(1)))  # FOUND missed_await call late


def test_gives_a_task_to_a_loop_that_runs_later() -> None:
    TASKS.append(busy.create_task(save(1)))


def test_innocent() -> None: ...


def test_runs_the_other_loop() -> None:
    assert busy.run_until_complete(TASKS[1]) == 1
    busy.close()
