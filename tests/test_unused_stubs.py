"""Unused stubs: what a double was told and nobody asked for, in detail."""

from __future__ import annotations

from typing import Any

import pytest

from anyrig.mocks import Mocks
from inner import Suite

HEAD = """
import pytest

class Row:
    def tag(self) -> str: ...

class Store:
    async def get(self, key: int) -> Row: ...
    async def save(self, name: str) -> None: ...
    def size(self) -> int: ...
"""


class Row:
    """What a store gives."""

    def tag(self) -> str:
        return "row"


class Store:
    """What doubles stand for."""

    async def get(self, key: int) -> Row:
        return Row()

    def size(self) -> int:
        return 0


@pytest.fixture
def noting() -> Mocks:
    """The fixture's object while the setting is on."""
    return Mocks(notes_lines=True)


def names(mocks: Mocks) -> list[str]:
    """The doubles that have something left."""
    return [one.name for one in mocks.unused()]


def line_of(frames: Any) -> str:
    """The function of the innermost frame."""
    return str(frames[0][2])


# -- what is left ----------------------------------------------------------------------------------


async def test_values_that_are_left(noting: Mocks) -> None:
    """A list and a tuple tell how many values they had, and which are left."""
    for values in ([1, 2, 3], (1, 2, 3)):
        mocks = Mocks(notes_lines=True)
        poll = mocks.stub("poll", side_effect=values)
        await poll()
        (unused,) = mocks.unused()
        assert (unused.total, unused.left, unused.values) == (3, (2, 3), "[2, 3]")


async def test_long_values_are_shortened(noting: Mocks) -> None:
    """Five values are shown, and of each its beginning."""
    poll = noting.stub("poll", side_effect=["x" * 100, *range(10)])
    await poll()
    await poll()
    (unused,) = noting.unused()
    assert unused.values == "[1, 2, 3, 4, 5, ...]"


async def test_list_that_is_used_up(noting: Mocks) -> None:
    """Nothing is left after the last value, nor after an error that was among them."""
    poll = noting.stub("poll", side_effect=[1, KeyError])
    await poll()
    with pytest.raises(KeyError):
        await poll()
    assert noting.unused() == []


async def test_results_of_results(noting: Mocks) -> None:
    """What is told of a result's method is told of that alone: the way there is no stub."""
    store = noting.create(Store)
    noting.of(store.get).return_value.tag.return_value = "a"
    assert names(noting) == ["store.get().tag"]
    assert (await store.get(1)).tag() == "a"
    assert noting.unused() == []


async def test_error_or_function_is_used_with_the_first_call(noting: Mocks) -> None:
    """An exception or a function as a side effect has nothing left once it was called."""
    options = {"get.side_effect": KeyError, "size.side_effect": lambda: 1}
    store = noting.create(Store, **options)
    assert sorted(names(noting)) == ["store.get", "store.size"]
    assert store.size() == 1
    with pytest.raises(KeyError):
        await store.get(1)
    assert noting.unused() == []


def test_line_that_told_it(noting: Mocks) -> None:
    """The line is the last that told the double, or else the one that made it."""

    def make() -> Any:
        return noting.create(Store, **{"get.return_value": 1})

    def tell(store: Any) -> None:
        store.size.return_value = 2

    tell(make())
    lines = {one.name: line_of(one.frames) for one in noting.unused()}
    assert lines == {"store.get": "make", "store.size": "tell"}


def test_each_is_told_once(noting: Mocks) -> None:
    """A double that another one gives is told once."""
    row = noting.create(Row, **{"tag.return_value": "a"})
    store = noting.create(Store, **{"get.return_value": row})
    assert store is not None
    assert names(noting) == ["row.tag", "store.get"]


def test_nothing_is_noted_while_it_is_off() -> None:
    """Without the setting no lines are kept, and nothing is left over."""
    mocks = Mocks()
    mocks.stub("hook", return_value=1)
    assert mocks.unused() == []


# -- what a test is told ---------------------------------------------------------------------------


def test_finding(suite: Suite) -> None:
    """The finding names the double, its line, and what is left of how many values."""
    suite.ini("anyrig_unused_stubs = fail", "anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        HEAD
        + """
async def test_asks(mocks):
    store = mocks.create(Store)
    store.get.side_effect = ["a", "b", "c"]
    await store.get(1)
""",
    )
    ran = suite.run()
    (finding,) = suite.findings
    assert finding.what == "the double `store.get`"
    assert finding.summary == "`store.get` was asked for 1 of 3 values"
    assert finding.details == ("2 of 3 values left: ['b', 'c']",)
    assert finding.origin is not None
    assert finding.origin.source == 'store.get.side_effect = ["a", "b", "c"]'
    assert ran.counts == {"passed": 1, "error": 1}
    assert "ERROR at teardown of test_asks[asyncio]" in ran.text


def test_it_is_off_unless_a_setting_says_more(suite: Suite) -> None:
    """Without a setting nothing is told."""
    suite.write("test_it.py", HEAD + "\ndef test_it(mocks):\n    mocks.stub('hook')\n")
    assert suite.run().counts == {"passed": 1}
    assert suite.findings == []


def test_tests_that_did_not_come_to_their_end(suite: Suite) -> None:
    """A test that fails, is skipped or fails as expected has its own reasons."""
    suite.ini("anyrig_unused_stubs = fail")
    suite.write(
        "test_it.py",
        HEAD
        + """
def test_fails(mocks):
    mocks.stub("hook")
    raise KeyError

def test_skipped(mocks):
    mocks.stub("hook")
    pytest.skip("not here")

@pytest.mark.xfail
def test_fails_as_expected(mocks):
    mocks.stub("hook")
    raise KeyError

def test_misses_an_await(mocks):
    mocks.stub("hook")
    mocks.stub("other")()

@pytest.fixture
def broken():
    raise KeyError

def test_setup(mocks, broken):
    pass
""",
    )
    suite.run()
    assert {kind for kind, *_ in suite.found} == {"missed_await"}


def test_both_of_a_test_are_told(suite: Suite) -> None:
    """Each double is a finding of its own."""
    suite.ini("anyrig_unused_stubs = warn")
    suite.write(
        "test_it.py",
        HEAD
        + """
def test_it(mocks):
    mocks.stub("one")
    mocks.patch(f"{__name__}.Store").return_value.size.return_value = 3
""",
    )
    ran = suite.run()
    assert ran.counts == {"passed": 1}
    assert [finding.summary for finding in suite.findings] == [
        "`one` was never called",
        "`Store().size` was never called",
    ]
