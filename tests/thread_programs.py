"""Random programs of tasks and of one thread that lets them go on, from a seed.

Each is a module of one test. Its thread makes calls, one for each task that waits: by a way that
tells the loop, or by one that does not and finds the loop asleep. Nothing in it takes time, so that
it is known how far it comes: up to the last call that the loop was told of.
"""

from __future__ import annotations

from random import Random

HEAD = """
import asyncio
import threading

import pytest
from asleep import until_asleep

came = []


async def waits(number, wait):
    await wait()
    came.append(number)

"""
# what a task waits with, and the call that lets it go on
_WAYS = (
    ("event{n} = asyncio.Event()", "event{n}.wait", "event{n}.set"),
    ("future{n} = loop.create_future()", "future{n}.__await__", "future{n}.set_result"),
    ("queue{n} = asyncio.Queue()", "queue{n}.get", "queue{n}.put_nowait"),
    ("event{n} = asyncio.Event()", "event{n}.wait", "loop.call_soon"),
)


class Program:
    """One of them: its text, and how far it comes."""

    def __init__(self, seed: str) -> None:
        random = Random(seed)
        calls = [random.random() < 0.5 for _ in range(random.randint(1, 5))]
        self.count = len(calls)
        told = [number for number, is_told in enumerate(calls, 1) if is_told]
        # what nobody told the loop of runs with the next that somebody did
        self.comes_to = max(told, default=0)
        # the kinds of findings that there may be; what is told late may be told of before
        self.kinds: set[str | None] = {"wrong_thread", "deadlock"}
        if self.comes_to == self.count:
            self.kinds = {None} if all(calls) else {None, "wrong_thread"}
        made, waits, thread = [], [], []
        for number, is_told in enumerate(calls):
            make, wait, call = (part.format(n=number) for part in random.choice(_WAYS))
            given = f"event{number}.set" if call == "loop.call_soon" else "1"
            arguments = "" if call.endswith(".set") else given
            made.append(make)
            waits.append(f"tasks.create_task(waits({number}, {_awaitable(wait)}))")
            if is_told:
                target = f"event{number}.set" if call == "loop.call_soon" else call
                rest = "" if call.endswith(".set") or call == "loop.call_soon" else ", 1"
                thread.append(f"loop.call_soon_threadsafe({target}{rest})")
            else:
                thread += ["until_asleep(loop)", f"{call}({arguments})"]
        self.text = HEAD + "\n".join(
            [
                "async def test_it():",
                "    came.clear()",
                "    loop = asyncio.get_running_loop()",
                *(f"    {line}" for line in made),
                "",
                "    def work():",
                *(f"        {line}" for line in thread),
                "",
                "    async with asyncio.TaskGroup() as tasks:",
                *(f"        {line}" for line in waits),
                "        thread = threading.Thread(target=work)",
                "        thread.start()",
                "    thread.join()",
                f"    assert sorted(came) == {[*range(self.count)]}",
            ]
        )


def _awaitable(wait: str) -> str:
    # a future is awaited itself
    owner, _, method = wait.partition(".")
    return f"lambda: {owner}" if method == "__await__" else wait
