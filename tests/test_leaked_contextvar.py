"""Context variables that a test leaves changed for the next one."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest

from anyrig.checks import leaked_contextvar
from anyrig.contexts import MISSING, Change, Step, changes
from anyrig.findings import Phase, Place
from anyrig.runners import Runner
from inner import BACKENDS, Suite
from support import Ran

HERE = Place("test_it", Phase.TEARDOWN)
WIDE = object()

plain: ContextVar[Any] = ContextVar("plain")
with_default: ContextVar[Any] = ContextVar("with_default", default=0)


# -- the comparison alone --------------------------------------------------------------------------


class Calls:
    """Calls in one context, noted as a runner notes them."""

    def __init__(self) -> None:
        self.context = Context()
        self.steps: list[Step] = []

    def call(self, owner: object, function: Callable[..., Any], *args: Any) -> Any:
        before = self.context.run(copy_context)
        result = self.context.run(function, *args)
        self.steps.append(Step(owner, None, before, self.context.run(copy_context)))
        return result

    @property
    def left(self) -> list[tuple[str, object, object]]:
        found = changes(self.steps, "test_it")
        return [(one.variable.name, one.old, one.new) for one in found]


@pytest.fixture
def calls() -> Calls:
    """Calls in a context of their own."""
    return Calls()


def test_set_by_the_test(calls: Calls) -> None:
    """What the test sets and leaves is told with both values."""
    calls.call("test_it", plain.set, 1)
    assert calls.left == [("plain", MISSING, 1)]


def test_default_is_the_old_value(calls: Calls) -> None:
    """Before a variable is set, its default is what is seen."""
    calls.call("test_it", with_default.set, 1)
    assert calls.left == [("with_default", 0, 1)]


def test_set_to_its_default(calls: Calls) -> None:
    """A variable that is set to what it was is not changed, nor to its default."""
    calls.call(WIDE, plain.set, [])
    calls.call("test_it", plain.set, [])
    calls.call("test_it", with_default.set, 0)
    assert calls.left == []


def test_reset_of_what_was_there(calls: Calls) -> None:
    """A variable that the test unsets is left changed, too."""
    token = calls.call(WIDE, plain.set, 1)
    calls.call("test_it", plain.reset, token)
    assert calls.left == [("plain", 1, MISSING)]


def test_reset_by_a_later_call(calls: Calls) -> None:
    """What a fixture sets in its setup and takes back in its teardown is innocent."""
    token = calls.call("test_it", plain.set, 1)
    calls.call("test_it", int)
    calls.call("test_it", plain.reset, token)
    assert calls.left == []


def test_set_by_a_wider_fixture_in_between(calls: Calls) -> None:
    """What a wider fixture sets, however late, is meant to stay."""
    calls.call("test_it", int)
    calls.call(WIDE, plain.set, 1)
    calls.call("test_it", int)
    assert calls.left == []


def test_changed_after_a_wider_fixture(calls: Calls) -> None:
    """What a wider fixture has set and the test then sets again is told from there."""
    calls.call("test_it", plain.set, 1)
    calls.call(WIDE, plain.set, 2)
    calls.call("test_it", plain.set, 3)
    assert calls.left == [("plain", 2, 3)]


def test_set_before_the_test(calls: Calls) -> None:
    """What was set before the test's first call is none of the test's."""
    calls.call("test_earlier", plain.set, 1)
    calls.call("test_it", int)
    assert calls.left == []


def test_test_without_a_call(calls: Calls) -> None:
    """A test that ran nothing in the runner has changed nothing in it."""
    calls.call(WIDE, plain.set, 1)
    assert calls.left == []
    assert changes([], "test_it") == []


@pytest.mark.parametrize("name", ["decimal_context", "sniffio_cvar", "anyrig_owner"])
def test_variables_of_others(calls: Calls, name: str) -> None:
    """What libraries set for themselves is left out."""
    variable = ContextVar[int](name)
    calls.call("test_it", variable.set, 1)
    assert calls.left == []


class Unreadable:
    """Can neither be shown nor compared."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


def test_values_that_break(calls: Calls) -> None:
    """A value that can't be compared is changed, and one that can't be shown is named by type."""
    calls.call(WIDE, plain.set, Unreadable())
    calls.call("test_it", plain.set, Unreadable())
    (change,) = changes(calls.steps, "test_it")
    told = leaked_contextvar.finding(HERE, change, None, None)
    assert told.details[0].startswith("it was <Unreadable instance")


def test_long_values_are_short() -> None:
    """A value takes a part of a line, however long it is."""
    change = Change(plain, ["x" * 1000] * 1000, MISSING, None)
    told = leaked_contextvar.finding(HERE, change, None, None)
    assert len(told.details[0]) < 300
    assert told.details[0].endswith("and is not set now")


# -- in a run --------------------------------------------------------------------------------------

HEAD = """
import contextvars
import anyio
import pytest

user = contextvars.ContextVar("user", default=None)

@pytest.fixture(scope="module")
async def server(anyio_backend):
    yield
"""
TAIL = """
async def test_last(server):
    pass
"""
on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


def ran(suite: Suite, backend: str, source: str, *arguments: str) -> Ran:
    """Run a suite in which a wider fixture keeps the runner, on one backend."""
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("test_it.py", HEAD + source + TAIL)
    return suite.run(*arguments)


@on_each_backend
def test_report(suite: Suite, backend: str) -> None:
    """The report names the variable, both values, the test, and how to take it back."""
    done = ran(
        suite,
        backend,
        """
async def test_logs_in(server):
    user.set("somebody")
""",
        "--anyrig-leaked-contextvars=fail",
    )
    assert f"ERROR at teardown of test_logs_in[{backend}]" in done.text
    assert (
        """
the context variable `user` is left changed (test_it.py:11)

  test_it.py:11 in test_logs_in
  >   async def test_logs_in(server):

the context variable `user`: the next test starts with it, and depends on the
order of the tests
- it was None, and is 'somebody' now

mend:   reset it where that ends which sets it, with the token that
        `variable.set(...)` gave
allow:  @pytest.mark.anyrig(allow=["leaked_contextvar"])
"""
        in done.text
    )


@on_each_backend
def test_fixture_is_named(suite: Suite, backend: str) -> None:
    """A fixture of the test's that sets it is the line that is told."""
    ran(
        suite,
        backend,
        """
@pytest.fixture
async def logged_in(server):
    user.set("somebody")

async def test_greets(logged_in):
    pass
""",
    )
    (finding,) = suite.findings
    assert finding.origin is not None
    assert finding.origin.source == "async def logged_in(server):"
    assert "the fixture `logged_in` left it so" in finding.details


@on_each_backend
def test_default_warns(suite: Suite, backend: str) -> None:
    """By default the change is told of, and the test passes."""
    done = ran(suite, backend, "async def test_it(server):\n    user.set(1)\n")
    assert done.status == 0
    assert suite.found == [("leaked_contextvar", f"test_it[{backend}]", "warn")]


@on_each_backend
def test_last_test_leaves_it_to_nobody(suite: Suite, backend: str) -> None:
    """What the last test before the end of the runner sets, no other test sees."""
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("test_it.py", HEAD + "async def test_it(server):\n    user.set(1)\n")
    suite.run()
    assert suite.found == []


@on_each_backend
def test_test_that_fails(suite: Suite, backend: str) -> None:
    """The test's own failure stays first, and what it leaves changed is told beside it."""
    done = ran(suite, backend, "async def test_it(server):\n    user.set(1)\n    raise KeyError\n")
    assert done.counts == {"passed": 1, "failed": 1}
    assert suite.found == [("leaked_contextvar", f"test_it[{backend}]", "warn")]


@on_each_backend
def test_unused_marker(suite: Suite, backend: str) -> None:
    """The marker's permission fails where the test takes back what it sets."""
    done = ran(
        suite,
        backend,
        """
@pytest.mark.anyrig(allow=["leaked_contextvar"])
async def test_mended(server):
    user.reset(user.set(1))
""",
    )
    assert done.counts == {"passed": 2, "error": 1}
    assert "permits a leaked_contextvar, and there was none" in done.text


@on_each_backend
def test_notes_are_gone_at_the_end_of_the_test(suite: Suite, backend: str) -> None:
    """No context that was copied keeps a value alive into the next test."""
    done = ran(
        suite,
        backend,
        """
import gc, weakref

class Value:
    pass

REFS = []

async def test_sets_and_resets(server):
    value = Value()
    REFS.append(weakref.ref(value))
    user.reset(user.set(value))

@pytest.fixture
async def logged_in(server):
    value = Value()
    REFS.append(weakref.ref(value))
    token = user.set(value)
    yield
    user.reset(token)

async def test_fixture(logged_in):
    pass

async def test_dead(server):
    gc.collect()
    assert [ref() for ref in REFS] == [None, None]
""",
    )
    assert done.counts == {"passed": 4}, done.text


def test_runner_that_is_not_kept_is_not_asked(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no fixture keeps the runner there is nothing to compare."""

    def left_changed(runner: Runner, test: str) -> list[Change]:
        raise AssertionError

    monkeypatch.setattr(Runner, "left_changed", left_changed)
    suite.write("test_it.py", "async def test_it(): ...\ndef test_sync(): ...\n")
    assert suite.run().counts == {"passed": 3}
