"""Each function that we call, replaced by a fixture: a test and the next are as without anyrig.

Every public function and class of some modules stands for the time of one test for a mock, and
for a function that returns None; after the two comes an innocent one, and one that forgets
an await. The innocent ones pass, the forgotten await is found, and the test itself fails where it
fails under anyio alone.
"""

from __future__ import annotations

import json

import pytest

from inner import Suite
from support import run_pytest

MODULES = [
    *(
        "asyncio",
        "time",
        "threading",
        "gc",
        "signal",
        "weakref",
        "warnings",
        "inspect",
        "linecache",
    ),
    *("traceback", "contextvars", "sys", "os", "ast", "textwrap", "json"),
    *("trio", "trio.lowlevel", "anyio", "anyio.lowlevel", "sniffio", "outcome"),
]

SUITE = """
import ast
import asyncio
import importlib
import json
import os
from unittest.mock import MagicMock

import pytest
import trio

LEFT_OUT = set(os.environ["LEFT_OUT"].split())
TURNS = {"asyncio": lambda: asyncio.tasks.sleep(0), "trio": trio.lowlevel.checkpoint}
NONE = lambda *args, **kwargs: None


def replaceable(module):
    for name, value in sorted(vars(importlib.import_module(module)).items()):
        # of errors and of nodes of syntax there are hundreds
        is_one_of_many = isinstance(value, type) and issubclass(value, BaseException | ast.AST)
        if callable(value) and not name.startswith("_") and not is_one_of_many:
            if f"{module}.{name}" not in LEFT_OUT:
                yield name


CASES = [
    (module, name, by, step)
    for module in os.environ["MODULES"].split()
    for name in replaceable(module)
    for by, step in (
        ("mock", "replaced"), ("none", "replaced"), ("none", "innocent"), ("none", "forgets")
    )
]


@pytest.fixture
def replaced(request, monkeypatch):
    module, name, by, step = request.param
    if step == "replaced":
        stand_in = MagicMock() if by == "mock" else NONE
        monkeypatch.setattr(importlib.import_module(module), name, stand_in)
    return step, request.node.callspec.params["anyio_backend"]


async def forgotten():
    pass


@pytest.mark.parametrize("replaced", CASES, ids=map(" ".join, CASES), indirect=True)
async def test_one(replaced):
    step, backend = replaced
    await TURNS[backend]()
    if step == "forgets":
        forgotten()
"""

# A plugin, so that nothing of the suite's own hears of each test.
OUTCOMES = """
import json

BEGAN, ENDED, FAILED = [], [], {}


def pytest_runtest_logstart(nodeid):
    BEGAN.append(nodeid)


def pytest_runtest_logfinish(nodeid):
    ENDED.append(nodeid)


def pytest_runtest_logreport(report):
    if report.failed:
        FAILED[report.nodeid] = str(report.longrepr)


def pytest_unconfigure():
    with open("outcomes.json", "w") as file:
        json.dump([BEGAN, BEGAN == ENDED, FAILED], file)
"""


def _run(
    suite: Suite, left_out: set[str], *arguments: str, plugins: tuple[str, ...]
) -> tuple[str, bool, list[str], dict[str, str]]:
    """What pytest said, whether it broke off, what began, and what failed, with its words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEFT_OUT", " ".join(left_out))
        patch.setenv("PYTHONPATH", str(suite.path))
        done = run_pytest(suite.path, "-q", "--tb=line", *arguments, plugins=plugins)
    outcomes = (suite.path / "outcomes.json").read_text(encoding="utf-8")
    began, each_ended, failed = json.loads(outcomes)
    # where sys.exc_info is replaced, pytest can't even say INTERNALERROR on CPython 3.11 and 3.12
    broke_off = "INTERNALERROR" in done.text or not each_ended
    return done.text, broke_off, began, dict(failed)


@pytest.mark.parametrize("modules", [MODULES[0:9], MODULES[9:12], MODULES[12:16], MODULES[16:]])
def test_what_is_replaced_changes_no_outcome(
    suite: Suite, modules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replaced, the innocent and the forgetful, on both backends."""
    monkeypatch.setenv("MODULES", " ".join(modules))
    suite.write("test_swept.py", SUITE)
    suite.write("outcomes.py", OUTCOMES)
    # a loop that could not be made says so whenever it is collected, in whichever test that is
    left_out = {"time.get_clock_info"}
    while True:
        plugins = ("anyio", "anyrig", "outcomes")
        text, broke_off, began, failed = _run(suite, left_out, plugins=plugins)
        if not broke_off:
            break
        # pytest itself may ask what is replaced: then it ends without anyrig as well
        _, breaks_alone, _, _ = _run(suite, left_out, began[-1], plugins=("anyio", "outcomes"))
        assert breaks_alone, f"{began[-1]}\n{text[-3000:]}"
        left_out.add(".".join(began[-1].partition("-")[2].split(" ")[:2]))
    assert len(began) > 250
    forgets = [one for one in began if " forgets" in one]
    assert len(forgets) * 4 == len(began)
    for one in forgets:
        assert "`forgotten()` was never awaited" in failed.pop(one)
    # what fails is to fail by itself, under anyio alone
    for one, words in failed.items():
        assert " replaced" in one, f"{one}\n{words}"
        _, _, _, alone_too = _run(suite, left_out, one, plugins=("anyio", "outcomes"))
        assert one in alone_too, f"{one}\n{words}"
