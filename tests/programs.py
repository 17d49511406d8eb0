"""Random programs of nested groups, services, crashes, cancellations and shields, from a seed.

Each is a module of two tests: one in which anything may happen, and one that has to pass. What a
program raises it writes down at that moment, by number; no program waits for anything by itself,
so that one that hangs was hung.
"""

from __future__ import annotations

from random import Random

CONFTEST = """
import json
import re
from pathlib import Path

import anyio
import pytest


class Boom(Exception):
    pass


def boom(number):
    with Path("raised.txt").open("a") as file:
        file.write(f"{number}\\n")
    return Boom(number)


async def turns(count):
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def crash(after, number):
    await turns(after)
    raise boom(number)


async def crash_both(after, number):
    await turns(after)
    async with anyio.create_task_group() as group:
        group.start_soon(crash, 0, number)
        group.start_soon(ends_badly, number + 1)


async def ends_badly(number):
    try:
        await anyio.sleep_forever()
    finally:
        raise boom(number)


async def ends_late(count):
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await turns(count)


async def ends(after):
    await turns(after)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        shown = re.findall(r"\\bBoom: (\\d+)$", report.longreprtext, re.MULTILINE)
        with Path("shown.jsonl").open("a") as file:
            line = {"test": item.nodeid, "when": report.when, "shown": shown}
            file.write(json.dumps(line) + "\\n")
    return report
"""

HEAD = """import anyio, anyrig, pytest
from conftest import boom, crash, crash_both, ends, ends_badly, ends_late, turns
"""


class Program:
    """One program: its text, made step by step with one source of chance."""

    def __init__(self, seed: str) -> None:
        self._chance = Random(seed)
        self._lines: list[str] = [HEAD]
        self._numbers = iter(range(0, 1000, 2))
        self._base = Random(seed).randrange(10**6) * 1000
        depth = self._chance.randint(1, 3)
        groups: list[str] = []
        scope = "module"
        self._is_wide = False
        for level in range(depth):
            if self._chance.random() < 0.5:
                scope = "function"
            self._is_wide |= scope == "module"
            self._group(f"group{level}", scope, groups)
            groups.append(f"group{level}")
        if self._chance.random() < 0.4:
            self._service(scope, groups)
            asked = [*groups, "service"]
        else:
            asked = list(groups)
        if self._chance.random() < 0.4:
            asked.append("task_group")
            groups.append("task_group")
        self._test(asked, groups)
        self._lines.append(f"async def test_next({', '.join(asked)}):\n    await turns(2)\n")

    @property
    def text(self) -> str:
        """The module."""
        return "\n".join(self._lines)

    def _number(self) -> int:
        return self._base + next(self._numbers)

    def _group(self, name: str, scope: str, outer: list[str]) -> None:
        """A fixture that holds a group, and may start tasks at its setup and at its teardown."""
        arguments = ", ".join(["anyio_backend", *outer])
        setup = self._starts("group", 0.2)
        teardown = self._starts("group", 0.3)
        if self._chance.random() < 0.3:
            teardown.append(f"await turns({self._chance.randint(0, 3)})")
        if self._chance.random() < 0.15:
            teardown.append(f"if is_first: raise boom({self._number()})")
        body = "\n".join("        " + line for line in [*setup, "yield group", "try:"])
        inner = "\n".join("            " + line for line in [*teardown, "pass"])
        once = f"        is_first = not {name}_was\n        {name}_was.append(1)\n"
        self._lines.append(
            f"{name}_was = []\n"
            f'@pytest.fixture(scope="{scope}")\n'
            f"async def {name}({arguments}):\n"
            f"    async with anyio.create_task_group() as group:\n{once}{body}\n{inner}\n"
            f"        finally:\n            group.cancel_scope.cancel()\n"
        )

    def _service(self, scope: str, groups: list[str]) -> None:
        task = self._task()
        self._lines.append(
            "service_was = []\n"
            f'@anyrig.service(scope="{scope}")\n'
            f"async def service({', '.join([*groups, '*'])}, task_status):\n"
            "    task_status.started()\n"
            "    is_first = not service_was\n"
            "    service_was.append(1)\n"
            f"    if is_first:\n        await {task[0]}({', '.join(map(str, task[1:]))})\n"
            "    await anyio.sleep_forever()\n"
        )

    def _test(self, asked: list[str], groups: list[str]) -> None:
        lines: list[str] = []
        for group in groups:
            lines += self._starts(group, 0.6, is_first="True")
        shield = self._chance.random() < 0.25
        turns = f"await turns({self._chance.randint(0, 12)})"
        if shield:
            lines += ["with anyio.CancelScope(shield=True):", f"    {turns}"]
        else:
            lines.append(turns)
        if self._chance.random() < 0.25:
            lines.append(f"{self._chance.choice(groups)}.cancel_scope.cancel()")
            lines.append(f"await turns({self._chance.randint(0, 2)})")
        if self._chance.random() < 0.25:
            lines.append(f"raise boom({self._number()})")
        if self._chance.random() < 0.2:
            lines = ["try:", *("    " + line for line in lines), "finally:"]
            lines.append(f"    raise boom({self._number()})")
        if self._is_wide:
            # what a wider fixture's tasks raise by themselves, they raise in this test
            lines = ["try:", *("    " + line for line in lines), "finally:"]
            lines += ["    with anyio.CancelScope(shield=True):", "        await turns(20)"]
        body = "\n".join("    " + line for line in lines)
        self._lines.append(f"async def test_any({', '.join(asked)}):\n{body}\n")

    def _starts(self, group: str, likely: float, *, is_first: str = "is_first") -> list[str]:
        """Lines that start up to three tasks; those of a fixture in its first use alone."""
        lines: list[str] = []
        while self._chance.random() < likely and len(lines) < 3:
            arguments = ", ".join(map(str, self._task()))
            lines.append(f"{is_first} and {group}.start_soon({arguments})")
        return lines

    def _task(self) -> tuple[object, ...]:
        kind = self._chance.choice(["crash", "crash_both", "ends", "ends_badly", "ends_late"])
        if kind in ("crash", "crash_both"):
            return kind, self._chance.randint(0, 6), self._number()
        if kind == "ends_badly":
            return kind, self._number()
        return kind, self._chance.randint(0, 4)
