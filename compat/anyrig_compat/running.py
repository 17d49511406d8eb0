"""pytest's hooks for the tests and fixtures that were written for pytest-asyncio."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest

import anyrig

from . import marks
from .fixtures import BACKEND, FACTORY, loop_fixture, own_event_loop
from .following import is_following
from .loops import ScopedLoop
from .names import Names, Scope
from .seams import anyio as anyio_seam
from .seams.pytest import substitute
from .stand_in import is_async_fixture, loop_scope_of

Wrapper = Generator[None, Any, Any]

_BACKEND = "anyio_backend"


class Running:
    """Runs these tests and fixtures through anyio's plugin, each on the loop of its scope."""

    def __init__(self, names: Names) -> None:
        self._names = names

    # -- collection --------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        definition: Any = metafunc.definition
        if not marks.is_ours(definition, self._names):
            return
        if _BACKEND in metafunc.fixturenames:
            # the mark means asyncio alone, whatever else the suite's other tests run on
            metafunc.fixturenames.remove(_BACKEND)
        mark = marks.mark_of(definition)
        asked = marks.Asked(None, None) if mark is None else marks.read(mark, definition.nodeid)
        marks.parametrise(metafunc, asked, self._names, FACTORY)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        function = getattr(item, "obj", None)
        is_generator = marks.is_generator(function)
        if not (is_generator or marks.is_async(function)):
            return
        if self._names.is_auto and marks.is_unclaimed(item):
            item.add_marker("asyncio")
        if is_generator and marks.mark_of(item) is not None:
            reason = (
                "Tests based on asynchronous generators are not supported. "
                f"{item.name} will be ignored."
            )
            item.warn(pytest.PytestCollectionWarning(reason))
            item.add_marker(pytest.mark.xfail(run=False, reason=reason))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if marks.is_ours(item, self._names):
                anyrig.migrating(item)

    # -- setup -------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        mark = marks.mark_of(item)
        if mark is None:
            return
        if not marks.is_async(getattr(item, "obj", None)):
            if isinstance(item, pytest.Function) and not marks.is_generator(item.obj):
                item.warn(
                    pytest.PytestWarning(
                        f"{item.nodeid} is marked with '@pytest.mark.asyncio' but it is not an "
                        "async function. Please remove the mark; it may stand in a pytestmark."
                    )
                )
            return
        name = loop_fixture(self._loop_scope(item, marks.read(mark, item.nodeid).loop_scope))
        # in a list of its own, for the items of one function share theirs
        item.fixturenames = [*(one for one in item.fixturenames if one != name), name]
        item.stash[_LOOP] = name
        # what anyio's plugin runs a test by, and what its fixtures ask for
        item.funcargs[_BACKEND] = "asyncio"
        substitute(item, _BACKEND, BACKEND)

    def _loop_scope(self, node: Any, asked: Scope | None) -> Scope:
        own = own_event_loop(node)
        if own is not None:
            scope: Scope = own.scope
            return scope
        return asked or self._names.test_scope

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Wrapper:
        function = fixturedef.func
        if is_following(function):
            # where anyio's plugin runs the test, it runs this one, too
            if _LOOP not in request.node.stash and _BACKEND in request.fixturenames:
                return (yield)
            name = request.node.stash.get(_LOOP, loop_fixture("function"))
        elif self._is_ours(function):
            own = own_event_loop(request.node)
            scope = own.scope if own is not None else loop_scope_of(function)
            name = loop_fixture(scope or self._names.fixture_scope(fixturedef))
        elif _BACKEND in fixturedef.argnames and is_async(function) and _LOOP in request.node.stash:
            # one of anyio's kind, such as `task_group`, in a test of ours
            name = request.node.stash[_LOOP]
        else:
            return (yield)
        scoped: ScopedLoop = request.getfixturevalue(name)
        definition: Any = fixturedef
        scoped.before_end(partial(definition.finish, request))
        definition.func = scoped.fixture(_on_instance(function, request.instance))
        try:
            return (yield)
        finally:
            definition.func = function

    def _is_ours(self, function: Callable[..., Any]) -> bool:
        return is_async_fixture(function) or (self._names.is_auto and is_async(function))

    # -- call --------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Wrapper:
        name = pyfuncitem.stash.get(_LOOP, None)
        if name is None:
            return (yield)
        if not self._names.is_auto:
            _warn_of_unmarked(pyfuncitem)
        scoped: ScopedLoop = pyfuncitem.funcargs[name]
        handle = getattr(pyfuncitem.obj, "hypothesis", None)
        holder, attribute = (pyfuncitem, "obj") if handle is None else (handle, "inner_test")
        function = getattr(holder, attribute)
        setattr(holder, attribute, scoped.test(function))
        try:
            with anyio_seam.running_in(scoped.runner):
                return (yield)
        finally:
            setattr(holder, attribute, function)


_LOOP = pytest.StashKey[str]()  # the fixture with the loop that a test runs on


def is_async(function: object) -> bool:
    """Whether the function of a fixture is async, as a generator or not."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _on_instance(function: Any, instance: object) -> Callable[..., Any]:
    """A fixture's function, bound to the instance whose test asks for it."""
    found: Callable[..., Any] = function
    if inspect.ismethod(function) and type(function.__self__) is type(instance):
        found = function.__func__.__get__(instance)
    return found


def _warn_of_unmarked(item: Any) -> None:
    """In strict mode, an async ``@pytest.fixture`` is nobody's: the test gets a coroutine."""
    for name, value in item.funcargs.items():
        if inspect.iscoroutine(value) or inspect.isasyncgen(value):
            text = (
                f"asyncio test {item.name!r} requested async @pytest.fixture {name!r} in strict "
                "mode. You might want to use @pytest_asyncio.fixture or switch to auto mode. "
            )
            warnings.warn(pytest.PytestDeprecationWarning(text), stacklevel=1)
