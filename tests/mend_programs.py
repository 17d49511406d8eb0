"""The mends of generated programs, typed: shapes of a forgotten call, receivers, sync and async.

    python tests/mend_programs.py [--backend NAME] [--keep FOLDER]

Each program is a test that forgets one call. All are run once, every mend that shows code is
typed, and all are run again: what was typed for has to be gone, nothing may be new, and the test
has to pass. A mend in words counts as such. ``test_mends.py`` runs a slice.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.typed import Line, has_code, told, type_mends
from support import run_pytest

HEAD = """\
from __future__ import annotations

import asyncio
import contextlib
import functools
from unittest.mock import AsyncMock

import anyio
import pytest


async def save(item=1):
    return item


def wraps(function):
    @functools.wraps(function)
    async def inner(*args):
        return await function(*args)

    return inner


class Store:
    async def save(self, item=1):
        return item

    @classmethod
    async def make(cls, item=1):
        return item

    async def __call__(self, item=1):
        return item

    @property
    def table(self):
        return {"save": self.save}


def give(item=1):
    return save(item)


def check(item):
    return item


def keep(item):
    return lambda function: function


store = client = Store()
decorated = wraps(save)
table = {"save": save}
double = AsyncMock()
double.save.return_value = 1
"""

# what is called -> the call, as it is written
RECEIVERS = {
    "function": "save",
    "method": "store.save",
    "new": "Store().save",
    "classmethod": "Store.make",
    "object": "client",
    "partial": "functools.partial(save)",
    "item": 'table["save"]',
    "decorated": "decorated",
    "returned": "give",
    "double": "double.save",
    "property": 'store.table["save"]',
    "computed": "wraps(save)",
}

# what stands in the body of the test; `C` is the call and `F` what is called
SHAPES = {
    "statement": "C",
    "bound": "x = C",
    "asserted": "assert C == 1",
    "printed": "print(C)",
    "listed": "x = [C]",
    "list": "x = [C for n in range(2)]",
    "set": "x = {C for n in range(2)}",
    "dict": "x = {n: C for n in range(2)}",
    "key": "x = {'a': C}",
    "all": "assert all(C for n in range(2))",
    "any": "assert any((C for n in range(2)))",
    "sum": "assert sum(1 for n in range(2) if C) == 2",
    "generator": "x = list(C for n in range(2))",
    "loop": "for x in (C for n in range(2)): pass",
    "nested": "x = [[C for n in range(2)] for m in range(2)]",
    "fstring": 'x = f"{C}"',
    "format": 'x = f"{C!r:>10} {1}"',
    "debug": 'x = f"{C = }"',
    "triple": 'x = f"""\n        {C}\n    """',
    "tstring": 'x = t"{C}"',
    "walrus": "if (x := C): pass",
    "before": "x = C; y = 2",
    "behind": "y = 2; C",
    "ternary": "x = C if store else None",
    "either": "x = None or C",
    "chained": "x = C.real",
    "upper": "x = str(C).upper()",
    "tuple": "x = (C, 1)",
    "lines": "F(\n        1,\n    )",
    "brackets": "x = (\n        C\n    )",
    "argument": "print(\n        1,\n        C,\n    )",
    "dotted": "x = (\n        C\n        .real\n    )",
    "added": "x = 1 + C",
    "power": "x = 2 ** C",
    "negated": "x = not C",
    "minus": "x = -C",
    "starred": "x = [*[C]]",
    "looped": "for x in [C]: pass",
    "while": "while C: break",
    "if": "if C: pass",
    "match": "match C:\n        case _: pass",
    "default": "def inner(x=C): pass",
    "decorator": "@keep(C)\n    def inner(): pass",
    "lambda": "(lambda: C)()",
    "later": "inner = lambda: C\n    inner()",
    "inner": "def inner():\n        C\n    inner()",
    "class": "class Inner:\n        x = C",
    "with": "with contextlib.nullcontext(C): pass",
    "two": "x = C, C",
    "twice": "print(C, C)",
    "comment": "x = C  # C",
    "backslash": "x = \\\n        C",
    "tabs": "if store:\n        C",
    "umlauts": "x = 'äöü€😀', C",
    "returned": "return C",
    "try": "try:\n        C\n    finally:\n        pass",
    "taken": "check(C)",
    "builtin": "len([C])",
    "map": "list(map(F, [1, 2]))",
    "mapped": "for x in map(F, [1, 2]): pass",
    "filter": "list(filter(F, [0, 1]))",
    "sorted": "with contextlib.suppress(TypeError):\n        sorted([2, 1], key=F)",
    "later use": "jobs = [C, C]\n    AWAIT jobs[0]",
    "started": "with contextlib.suppress(TypeError):\n        task_group.start_soon(C)",
    "run": "with contextlib.suppress(RuntimeError):\n        asyncio.run(C)",
    "thread": "await anyio.to_thread.run_sync(F, 1)",
    "wait_for": "asyncio.wait_for(C, 1)",
}
# what only an async test can do, and what only some receivers can
ASYNC = {"later use", "started", "run", "thread", "wait_for"}
NEW = {"tstring": (3, 14)}


@dataclass
class Result:
    """What became of the programs: how many, how many were typed, and what was wrong."""

    programs: int = 0
    typed: int = 0
    in_words: int = 0
    silent: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def program(receiver: str, shape: str, *, is_async: bool) -> str:
    """One test that forgets to await one call."""
    called = RECEIVERS[receiver]
    body = SHAPES[shape].replace("AWAIT", "await")
    body = "".join({"C": f"{called}(1)", "F": called}.get(word, word) for word in _words(body))
    fixture = "task_group" if shape == "started" else ""
    name = f"test_{receiver}_{shape.replace(' ', '_')}_{'async' if is_async else 'sync'}"
    text = f"{'async ' if is_async else ''}def {name}({fixture}):\n    {body}\n"
    return text.replace("    ", "\t") if shape == "tabs" else text


def _words(text: str) -> Iterator[str]:
    word = ""
    for sign in text:
        if sign.isalnum() or sign in "_'":
            word += sign
        else:
            yield from (word, sign)
            word = ""
    yield word


def write(folder: Path, receivers: Sequence[str], shapes: Sequence[str]) -> int:
    """Write the programs, a file for each receiver; every other one has CRLF."""
    count = 0
    (folder / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    for number, receiver in enumerate(receivers):
        texts = [HEAD]
        for shape in shapes:
            if sys.version_info[:2] < NEW.get(shape, (3, 0)):
                continue
            for is_async in (True, False) if shape not in ASYNC else (True,):
                texts.append(program(receiver, shape, is_async=is_async))
                count += 1
        newline = "\r\n" if number % 2 else "\n"
        text = "\n\n".join(texts).replace("\n", newline)
        (folder / f"test_{receiver}.py").write_bytes(text.encode())
    return count


def check(folder: Path, backend: str, receivers: Sequence[str], shapes: Sequence[str]) -> Result:
    """Write the programs, type their mends, and say what was wrong."""
    result = Result(write(folder, receivers, shapes))
    before = _run(folder, backend)
    found = [one for one in before if one["place"]["test"] is not None]
    typed = type_mends(folder, found)
    result.typed = len({one["place"]["test"] for one in typed})
    result.in_words = len({one["place"]["test"] for one in found if not has_code(one)})
    # in two parts of one test, each mend is right by itself
    clashing = [one for one in found if has_code(one) and one not in typed]
    result.wrong += [f"not typed: {one['place']['test']} {one['mend']}" for one in clashing]
    after = _run(folder, backend)
    for key in told(after) - (told(found) - told(typed)):
        mends = [one["mend"] for one in typed if one["place"]["test"] == key[0]]
        result.wrong.append(f"found after: {key} {mends}")
    failed = json.loads((folder / "failed.json").read_text())
    words = {one["place"]["test"] for one in after}
    mended = {one["place"]["test"]: one["mend"] for one in typed}
    for test, message in failed.items():
        if test in mended and test not in words:
            result.wrong.append(f"fails: {test} {mended[test]} {message}")
    tests = {one["place"]["test"] for one in found}
    result.silent = sorted(set(json.loads((folder / "all.json").read_text())) - tests)
    return result


PLUGIN = """\
import json
import pathlib

FAILED, ALL = {}, []


def nameless(nodeid):
    return nodeid.partition("[")[0]


def pytest_runtest_logreport(report):
    if report.when == "call":
        ALL.append(nameless(report.nodeid))
    if report.failed:
        FAILED[nameless(report.nodeid)] = str(report.longrepr)[-300:]


def pytest_sessionfinish():
    pathlib.Path("failed.json").write_text(json.dumps(FAILED))
    pathlib.Path("all.json").write_text(json.dumps(ALL))
"""


def _run(folder: Path, backend: str) -> list[Line]:
    (folder / "conftest.py").write_text(PLUGIN)
    report = folder / "findings.jsonl"
    backends = ("-o", f"anyrig_backends={backend}")
    ran = run_pytest(folder, f"--anyrig-report={report}", "--tb=line", "-q", *backends)
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()[1:]]
    assert ran.status in (0, 1), ran.text
    for line in lines:
        test = line["place"]["test"]
        line["place"]["test"] = test and test.partition("[")[0]
    return lines


def main() -> int:
    """Run all of them on a backend, and print what was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", default="asyncio")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True, parents=True)
    result = check(folder, options.backend, list(RECEIVERS), list(SHAPES))
    for line in result.wrong:
        print("WRONG", line)
    print(f"silent: {' '.join(result.silent)}")
    print(
        f"{result.programs} programs on {options.backend}: {result.typed} typed, "
        f"{result.in_words} in words, {len(result.silent)} without a finding, "
        f"{len(result.wrong)} wrong"
    )
    return bool(result.wrong)


if __name__ == "__main__":
    sys.exit(main())
