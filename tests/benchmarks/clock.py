"""Virtual clocks side by side, in one run and as ratios: ``python tests/benchmarks/clock.py``.

Each tool does the same work, 100 tasks that sleep 100 times, in turn with the others (A B A B ...):
in a test that anyrig watches, as its own clock's is (each coroutine notes where it was made, which
is what the missed-await check costs), and by itself, without anyrig. The time is processor time
around the work alone, the median of the rounds; a ratio is to anyrig's own on the same library.
Tools that are not installed are left out, with a note. Nothing is
asserted: what is too much is for the reader to say.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_WORK = """
import json, os, time

TASKS = SLEEPS = int(os.environ["SLEEPS"])


def tell(began):
    with open(os.environ["TIMES"], "a") as file:
        file.write(json.dumps(time.process_time() - began) + "\\n")
"""
_ASYNCIO = """
async def work(asyncio):
    async def nap():
        for _ in range(SLEEPS):
            await asyncio.sleep(1)

    await asyncio.gather(*(nap() for _ in range(TASKS)))
"""
_TRIO = """
async def work(trio):
    async def nap():
        for _ in range(SLEEPS):
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(TASKS):
            nursery.start_soon(nap)
"""
_FIXTURE = """
async def test_work(clock):
    import {library}
    began = time.process_time()
    await work({library})
    tell(began)
"""
_ONE = """
import anyio


async def test_one_sleep(clock):
    began = time.process_time()
    await anyio.sleep(3600)
    tell(began)
"""
_LOOPTIME = """
import asyncio, pytest


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_work():
    began = time.process_time()
    await work(asyncio)
    tell(began)
"""
_MOCK_CLOCK = """
import trio
from trio.testing import MockClock


async def main():
    began = time.process_time()
    await work(trio)
    tell(began)


def run():
    trio.run(main, clock=MockClock(autojump_threshold=0))
"""
_DETANGLE = """
import asyncio, detangle


async def main():
    began = time.process_time()
    await work(asyncio)
    return began


def run():
    tell(detangle.run(main))
"""
_BY_ITSELF = """

run()
"""
_WATCHED = """

def test_work():
    run()
"""
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_OURS = (*_PYTEST, "-p", "anyio", "-p", "anyrig", "-o", "anyio_mode=auto")
_ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(frozen=True)
class Tool:
    """One clock: its name, the file that does the work, how it is run, and what it needs."""

    name: str
    file: str
    text: str
    arguments: tuple[str, ...] = ()
    needs: str | None = None
    base: str | None = None  # the tool that its ratio is to
    environment: Mapping[str, str] = field(default_factory=lambda: {**_ALONE})

    def is_installed(self) -> bool:
        """Whether it can be run here."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


def _ours(library: str) -> Tool:
    text = _WORK + (_ASYNCIO if library == "asyncio" else _TRIO) + _FIXTURE.format(library=library)
    arguments = (*_OURS, "-o", f"anyrig_backends={library}")
    return Tool(f"anyrig, {library}", "test_work.py", text, arguments)


def _theirs(name: str, text: str, library: str, needs: str) -> tuple[Tool, Tool]:
    """A clock that a script can run as well as a test."""
    base = f"anyrig, {library}"
    text = _WORK + (_ASYNCIO if library == "asyncio" else _TRIO) + text
    return (
        Tool(f"{name}, watched", "test_work.py", text + _WATCHED, _OURS, needs, base),
        Tool(f"{name}, by itself", "work.py", text + _BY_ITSELF, (), needs, base),
    )


def _looptime(how: str, *arguments: str) -> Tool:
    environment: dict[str, str] = {}  # it has several plugins, and finds them itself
    text = _WORK + _ASYNCIO + _LOOPTIME
    command = (*_PYTEST, *arguments)
    name = f"looptime, {how}"
    return Tool(name, "test_work.py", text, command, "looptime", "anyrig, asyncio", environment)


TOOLS = (
    _ours("asyncio"),
    _looptime("watched"),
    _looptime("by itself", "-p", "no:anyrig"),
    *_theirs("detangle", _DETANGLE, "asyncio", "detangle"),
    _ours("trio"),
    *_theirs("MockClock", _MOCK_CLOCK, "trio", "trio"),
    Tool("anyrig, one sleep(3600)", "test_work.py", _WORK + _ONE, _OURS),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; 1 where a tool did not do its work."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument(
        "--sleeps", type=int, default=100, help="tasks, and sleeps of each (default: 100)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    options = parser.parse_args(arguments)
    times: dict[str, list[float]] = {tool.name: [] for tool in TOOLS if tool.is_installed()}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeats + 1):
            for tool in TOOLS:
                if tool.is_installed():
                    times[tool.name].append(_once(tool, Path(folder), options.sleeps))
    counted = {name: rounds[1:] for name, rounds in times.items()}
    if options.json:
        print(json.dumps(counted, indent=2))
    else:
        for tool in TOOLS:
            print(_row(tool, counted))
    return 0


def _once(tool: Tool, parent: Path, sleeps: int) -> float:
    """The processor time of one run, in seconds: the mean over its backends."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        (folder / tool.file).write_text(tool.text)
        script = () if tool.arguments else (tool.file,)
        extra = {"TIMES": str(folder / "times"), "SLEEPS": str(sleeps), **tool.environment}
        ran = subprocess.run(
            [sys.executable, *tool.arguments, *script],
            cwd=folder, env={**os.environ, **extra}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise SystemExit(f"{tool.name} did not do its work:\n{ran.stdout}{ran.stderr}")
        return statistics.mean(map(float, (folder / "times").read_text().split()))


def _row(tool: Tool, times: Mapping[str, Sequence[float]]) -> str:
    if tool.name not in times:
        return f"{tool.name:36}  not installed"
    own = times[tool.name]
    text = f"{tool.name:36}  {statistics.median(own) * 1000:8.2f} ms"
    if tool.base is not None and tool.base in times:
        ratios = sorted(one / other for one, other in zip(own, times[tool.base], strict=True))
        text += f"   {statistics.median(ratios):5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        text += f" x {tool.base}"
    return text


if __name__ == "__main__":
    sys.exit(main())
