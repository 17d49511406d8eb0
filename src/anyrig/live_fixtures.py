"""The fixtures that are set up at the moment, and what they may still do with what they hold."""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable
from types import CodeType
from typing import Any

import pytest

from .holders import Held, Holder
from .origins import Origins, RawFrame
from .own import inspect, sys
from .reach import reaches

_XUNIT = ("_xunit_", "_unittest_")  # the fixtures that stand for setup_method and its kin


class _Whose(enum.Enum):
    """Whose code a fixture is, and whether it may have something to do at its teardown."""

    OTHERS = enum.auto()
    USERS = enum.auto()
    USERS_WITH_END = enum.auto()


class LiveFixtures:
    """Follows pytest's fixtures from the start of their setup to the end of their teardown."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        # the definitions that are being set up or are up, in the order of their setup
        self._live: dict[pytest.FixtureDef[Any], _Whose] = {}
        # those of them that are wider than a test, with what asked for them
        self._wide: dict[pytest.FixtureDef[Any], pytest.FixtureRequest] = {}
        self.wide_one_ended = False
        # definition -> its function, and whose that is: many are set up anew for each test
        self._known: dict[pytest.FixtureDef[Any], tuple[object, _Whose]] = {}

    def begin(self, definition: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> bool:
        """A fixture's setup begins; whether its function is the user's."""
        function, whose = self._known.get(definition, (None, _Whose.OTHERS))
        if function is not definition.func:
            whose = self._whose(definition)
            self._known[definition] = (definition.func, whose)
        self._live[definition] = whose
        if definition.scope != "function":
            self._wide[definition] = request
        return whose is not _Whose.OTHERS

    def _whose(self, definition: pytest.FixtureDef[Any]) -> _Whose:
        code = code_of(definition.func)
        is_xunit = definition.argname.startswith(_XUNIT)
        if not is_xunit and (code is None or not self._origins.is_users(code.co_filename)):
            return _Whose.OTHERS
        has_end = is_xunit or _has_end(definition)
        return _Whose.USERS_WITH_END if has_end else _Whose.USERS

    def among(self, names: Container[str]) -> list[pytest.FixtureDef[Any]]:
        """Those that are being set up or are up and have one of these names."""
        return [definition for definition in self._live if definition.argname in names]

    def latest(self) -> pytest.FixtureDef[Any] | None:
        """The fixture whose setup began last."""
        return next(reversed(self._live), None)

    def keeper(self) -> pytest.FixtureDef[Any] | None:
        """The one that keeps anyio's runner: the first async one that is wider than a test."""
        return next(filter(is_async, self._wide), None)

    def requests(self) -> list[tuple[pytest.FixtureDef[Any], pytest.FixtureRequest]]:
        """Those wider than a test, in the order of their setup, with what asked for them."""
        return list(self._wide.items())

    def wider_one(self, frames: Iterable[RawFrame]) -> pytest.FixtureDef[Any] | None:
        """The one wider than a test in whose function one of the frames lies, setup or teardown."""
        return _running(self._wide, frames) if self._wide else None

    def is_live(self, definition: object) -> bool:
        """Whether this is a fixture wider than a test that is up."""
        return definition in self._wide

    def keeper_of(self, thing: object) -> pytest.FixtureDef[Any] | None:
        """The fixture wider than a test whose value holds a task or a thread."""
        for definition in self._wide:
            result = definition.cached_result
            if result is not None and reaches(result[0], thing):
                return definition
        return None

    def end(self, definition: pytest.FixtureDef[Any]) -> None:
        """A fixture was torn down."""
        was_live = self._live.pop(definition, None) is not None
        if was_live and definition.scope != "function":
            self._wide.pop(definition, None)
            self.wide_one_ended = True

    def holder(self, referrer: object) -> Holder | None:
        """What kind of holder an object is, where it is a live fixture."""
        if isinstance(referrer, pytest.FixtureDef) and referrer in self._live:
            words = f"the fixture `{referrer.argname}` ({referrer.scope} scope)"
            return Holder(Held.FIXTURE, words, referrer)
        return None

    def have_own_teardown(self) -> bool:
        """Whether code of the user's is still to run when the live fixtures are torn down."""
        return _Whose.USERS_WITH_END in self._live.values()

    def have_users(self) -> bool:
        """Whether a live fixture is the user's."""
        return self.have_own_teardown() or _Whose.USERS in self._live.values()

    def have_wide_users(self) -> bool:
        """Whether a live fixture that is wider than a test is the user's."""
        return any(self._live[one] is not _Whose.OTHERS for one in self._wide)

    def may_reach(self, holder: Holder, item: pytest.Item) -> bool:
        """Whether a wider teardown beside a global or a class may await what it holds."""
        owner = holder.owner
        if holder.held is Held.GLOBAL:
            ends = ("teardown_module", "tearDownModule") if owner is _get(item, "module") else ()
        else:
            ends = ("teardown_class", "tearDownClass") if owner is _get(item, "cls") else ()
        if any(_is_defined(owner, name) for name in ends):
            return True
        module = owner if holder.held is Held.GLOBAL else sys.modules.get(owner.__module__)
        filename = getattr(module, "__file__", None)
        return any(
            whose is _Whose.USERS_WITH_END
            and definition.scope != "function"
            and getattr(code_of(definition.func), "co_filename", None) == filename
            for definition, whose in self._live.items()
        )

    def name_of(self, frames: Iterable[RawFrame]) -> str | None:
        """The name of the live fixture in whose function one of the frames lies."""
        definition = _running(self._live, frames)
        return None if definition is None else definition.argname


def _running(
    definitions: dict[pytest.FixtureDef[Any], Any], frames: Iterable[RawFrame]
) -> pytest.FixtureDef[Any] | None:
    """The last of the fixtures in whose function one of the frames lies."""
    places = {(frame[0], frame[2]) for frame in frames}
    for definition in reversed(definitions):
        code = code_of(definition.func)
        if code is not None and (code.co_filename, code.co_name) in places:
            return definition
    return None


def _get(item: pytest.Item, name: str) -> Any:
    return getattr(item, name, None)


def _is_defined(owner: Any, name: str) -> bool:
    """Whether a module or class has a teardown of its own, not the empty one of unittest."""
    function = getattr(owner, name, None)
    return function is not None and getattr(function, "__module__", "") != "unittest.case"


def _has_end(definition: pytest.FixtureDef[Any]) -> bool:
    """Whether it may have something to do at its teardown."""
    function = definition.func
    return (
        inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
        or "request" in definition.argnames
    )


def is_async(definition: pytest.FixtureDef[Any]) -> bool:
    """Whether a fixture's function is async, below its decorators."""
    function = inspect.unwrap(definition.func)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def code_of(function: Any) -> CodeType | None:
    """The code of a function, below its decorators."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code if isinstance(code, CodeType) else None
