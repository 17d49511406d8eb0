"""pytest's hooks for the tests and fixtures that were written for pytest-asyncio."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest

import anyrig
from anyrig.own import asyncio, inspect, sys, warnings

from . import marks
from .deprecations import note_use, note_use_by, shown_path
from .fixtures import (
    BACKEND,
    FACTORY,
    POLICY,
    Seen,
    current_policy,
    is_own,
    loop_fixture,
    loop_of_test,
)
from .following import is_following
from .loops import ScopedLoop, set_current
from .marks import ANYIO_BACKEND
from .names import SCOPES, Names, Scope
from .seams import anyio as anyio_seam
from .seams.pytest import (
    active_definition,
    definition_of,
    definitions,
    request_of,
    substitute,
)
from .stand_in import is_async_fixture, loop_scope_of

Wrapper = Generator[None, Any, Any]
Definition = pytest.FixtureDef[Any]

_FUNCTION_LOOP = loop_fixture("function")
_LOOP = pytest.StashKey[str]()  # the fixture with the loop that a test runs on
_BY_MODE = pytest.StashKey[bool]()  # of a test that auto mode has marked
_INSTEAD_OF_FIXTURE = "@pytest.fixture, once all the tests that ask for it have moved"
_INSTEAD_OF_MARK = "@pytest.mark.anyio, or nothing with anyio_mode = auto"
# a project's own fixtures of these names
_OWN_LOOP = "event_loop"
_INSTEAD_OF_OWN = {
    _OWN_LOOP: "nothing: anyio's plugin makes the loop",
    "event_loop_policy": "def anyio_backend(): return 'asyncio', {'loop_factory': ...}",
}


class Running:
    """Runs these tests and fixtures through anyio's plugin, each on the loop of its scope."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._item: Any = None  # the test that is set up, or runs
        self._parent: Any = None  # its parent's node, and what its tests see
        self._seen = Seen()
        # the asyncio fixtures that are up, with the library whose tests they serve
        self._live: dict[Definition, str] = {}
        # the definitions of a project's own `event_loop` that are up, with what each has given
        self._own_loops: dict[Definition, asyncio.AbstractEventLoop] = {}
        # asyncio's current loop after the end of one; of nobody's, and closed with the run
        self._spare: asyncio.AbstractEventLoop | None = None

    # -- collection --------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        definition: Any = metafunc.definition
        if not marks.is_ours(definition, self._names):
            return
        mark = marks.mark_of(definition)
        asked = marks.NOTHING if mark is None else marks.read(mark, definition.nodeid)
        if self._names.on_both:
            if ANYIO_BACKEND not in metafunc.fixturenames:
                _ask_for_backend(metafunc)
        elif ANYIO_BACKEND in metafunc.fixturenames:
            # the mark means asyncio alone, whatever else the suite's other tests run on
            metafunc.fixturenames.remove(ANYIO_BACKEND)
        marks.parametrise(metafunc, asked, self._names, FACTORY)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        function = getattr(item, "obj", None)
        is_generator = marks.is_generator(function)
        if not (is_generator or marks.is_async(function)):
            return
        if self._names.is_auto and marks.is_unclaimed(item):
            item.add_marker("asyncio")
            item.stash[_BY_MODE] = True
        names: list[str] = getattr(item, "fixturenames", [])
        if ANYIO_BACKEND in marks.params_of(item) and ANYIO_BACKEND not in names:
            # pytest has left out what no argument, mark or fixture asks for
            vars(item)["fixturenames"] = [ANYIO_BACKEND, *names]
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
            if not marks.is_ours(item, self._names):
                continue
            anyrig.migrating(item)
            names: list[str] = getattr(item, "fixturenames", [])
            if ANYIO_BACKEND not in names and item.get_closest_marker("anyio") is not None:
                # anyio's plugin would add a variant for each backend, for its mark further out
                vars(item)["fixturenames"] = [*names, ANYIO_BACKEND]

    # -- setup -------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        self._item = item
        if item.parent is not self._parent:
            self._parent, self._seen = item.parent, Seen.by(item)
            if self._seen.event_loop is not self._names.own_loop:
                self._change_own_loop(item, self._seen.event_loop)
        mark = marks.mark_of(item)
        is_async = marks.is_async(getattr(item, "obj", None))
        if mark is not None and not is_async and isinstance(item, pytest.Function):
            _warn_of_sync(item)
        elif mark is not None and is_async and _BY_MODE not in item.stash:
            note_use_by(item, "pytest.mark.asyncio", _INSTEAD_OF_MARK)
        named = marks.library_of_test(item)
        if mark is not None and is_async and named != "trio":
            asked = marks.read(mark, item.nodeid).loop_scope
            self._run_on(item, loop_fixture(self._loop_scope(asked)))
            named = "asyncio"
        elif is_async and named == "asyncio":
            found = map(self._scope_of, definitions(item))
            scopes: list[Scope] = [scope for scope in found if scope is not None]
            if scopes:
                # anyio's plugin has one loop: the test is on that of its widest fixture
                widest: Scope = max(scopes, key=SCOPES.index)
                self._run_on(item, loop_fixture(widest))
        self._end_those_for_others(item, named)

    def _change_own_loop(self, item: Any, own: Definition | None) -> None:
        """Tests with another `event_loop` come: what runs on the last one's scope ends."""
        for one in (self._names.own_loop, own):
            if one is not None:
                scoped: Any = definition_of(loop_fixture(one.scope), item)
                scoped.finish(request_of(item))
        self._names.own_loop = own

    def _run_on(self, item: Any, loop: str) -> None:
        """Have a test run on the loop that this fixture gives."""
        # a policy that the project has not replaced is the same for all of them
        known = self._seen.policy is None and self._names.policy is not None
        left_out = (FACTORY, loop, POLICY) if known else (FACTORY, loop)
        # in a list of its own, for the items of one function share theirs
        others = [one for one in item.fixturenames if one not in left_out]
        # another factory than the last test's is known before any fixture is taken as it is
        first = [FACTORY] if FACTORY in marks.params_of(item) else []
        item.fixturenames = [*first, *others, loop]
        item.stash[_LOOP] = loop
        # what anyio's plugin runs a test by, and what its fixtures ask for
        item.funcargs[ANYIO_BACKEND] = "asyncio"
        substitute(item, ANYIO_BACKEND, BACKEND, self._seen.backend)

    def _end_those_for_others(self, item: Any, library: str | None) -> None:
        """Tear down the fixtures of this test's that serve tests of another library."""
        if library is None or not self._live:
            return
        for one, served in list(reversed(self._live.items())):
            if served != library and one.argname in item.fixturenames:
                definition: Any = one
                definition.finish(request_of(item))

    def _loop_scope(self, asked: Scope | None) -> Scope:
        own = self._seen.event_loop
        if own is not None:
            scope: Scope = own.scope
            return scope
        return asked or self._names.test_scope

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: Definition, request: pytest.FixtureRequest
    ) -> Wrapper:
        function = fixturedef.func
        instead = _INSTEAD_OF_OWN.get(fixturedef.argname)
        if instead is not None and is_own(fixturedef):
            self._note(fixturedef, fixturedef.argname, instead)
        try:
            ours = self._function_for(fixturedef, request)
        except BaseException as error:  # noqa: BLE001 - the fixture raises it, as pytest expects
            self._live[fixturedef] = ""
            ours = partial(_raise, error)
        if ours is None:
            result = yield
            if fixturedef.argname == _OWN_LOOP and is_own(fixturedef):
                self._have_as_current(fixturedef, result)
            return result
        definition: Any = fixturedef
        definition.func = ours
        try:
            return (yield)
        finally:
            definition.func = function

    def _function_for(
        self, definition: Definition, request: pytest.FixtureRequest
    ) -> Callable[..., Any] | None:
        """What to call in place of a fixture's function; None where that is not ours to run."""
        if definition.argname == _FUNCTION_LOOP:
            return partial(loop_of_test, request, self._seen)
        if definition.argname == POLICY and not is_own(definition):
            return partial(current_policy, self._names)
        scope = self._scope_of(definition)
        name = self._loop_for(definition, request, scope)
        if name is not None:
            return self._on_loop(definition, request, request.getfixturevalue(name))
        if scope is not None and self._is_for_guest(definition, request):
            return self._on_trio(definition, request)
        return None

    def _on_loop(
        self, definition: Any, request: pytest.FixtureRequest, scoped: ScopedLoop
    ) -> Callable[..., Any]:
        """The function of a fixture as one that runs on this loop."""
        self._live[definition] = "asyncio"
        self._count(definition)
        scoped.before_end(partial(definition.finish, request))
        return scoped.fixture(_on_instance(definition.func, request.instance))

    def _count(self, definition: Definition) -> None:
        """Count a fixture that was made with an old name."""
        if is_async_fixture(definition.func):
            self._note(definition, "pytest_asyncio.fixture", _INSTEAD_OF_FIXTURE)

    def _note(self, definition: Definition, name: str, instead: str) -> None:
        """Count a use of an old name by the line of a fixture's function."""
        code = getattr(inspect.unwrap(definition.func), "__code__", None)
        if self._item is not None and code is not None:
            path = shown_path(code.co_filename, self._item.config.rootpath)
            place = f"{path}:{code.co_firstlineno}"
            note_use(self._item.config, name, self._item.nodeid, place, instead)

    def _is_for_guest(self, definition: Definition, request: pytest.FixtureRequest) -> bool:
        """Whether an asyncio fixture is asked for by a test on trio."""
        if self._item is None or ANYIO_BACKEND not in request.fixturenames:
            return False
        # asked for by the test: the fixture may be too wide to
        value = request_of(self._item).getfixturevalue(ANYIO_BACKEND)
        return _is_async(definition.func) and marks.library_of(value) == "trio"

    def _on_trio(
        self, definition: Definition, request: pytest.FixtureRequest
    ) -> Callable[..., Any]:
        """The function of a fixture as one that runs on trio, through anyio's plugin.

        One that is wider than ``anyio_backend`` ends with this, and so is set up anew for the next.
        """
        from .bridge import missing
        from .on_trio import as_guest

        needs = missing() if "anyrig_compat.proxies" not in sys.modules else None
        if needs is not None:
            pytest.fail(f"`{definition.argname}` for a test on trio: {needs}", pytrace=False)
        self._live[definition] = "trio"
        self._count(definition)
        function = as_guest(_on_instance(definition.func, request.instance), definition.argname)
        backend = active_definition(self._item, ANYIO_BACKEND)
        if SCOPES.index(definition.scope) <= SCOPES.index(backend.scope):
            return function
        ends: Any = definition.finish
        backend.addfinalizer(partial(ends, request))
        value = request_of(self._item).getfixturevalue(ANYIO_BACKEND)
        return anyio_seam.fixture_by_itself(function, *anyio_seam.backend_of(value))

    def _loop_for(
        self, definition: Definition, request: pytest.FixtureRequest, scope: Scope | None
    ) -> str | None:
        """The fixture with the loop that a fixture runs on; None where it is not ours to run.

        ``scope`` is what `_scope_of` says of it.
        """
        function, loop = definition.func, self._loop_of_test()
        if is_following(function):
            # where anyio's plugin runs the test, it runs this one, too
            follows = loop is not None or ANYIO_BACKEND not in request.fixturenames
            return (loop or loop_fixture("function")) if follows else None
        if loop is not None and marks.mark_of(self._item) is None:
            return loop if scope is not None or _is_async(function) else None
        if scope is not None:
            is_moved = loop is None and ANYIO_BACKEND in request.fixturenames
            return None if is_moved else loop_fixture(scope)
        # one of anyio's kind, such as `task_group`, in a test of ours
        is_anyios = ANYIO_BACKEND in definition.argnames and _is_async(function)
        return loop if is_anyios else None

    def _loop_of_test(self) -> str | None:
        return None if self._item is None else self._item.stash.get(_LOOP, None)

    def _scope_of(self, definition: Definition) -> Scope | None:
        """The scope of the loop that an asyncio fixture asks for; None for one of another kind."""
        function = definition.func
        is_unmarked = self._names.is_auto and _is_async(function)
        if not (
            is_async_fixture(function) or (is_unmarked and ANYIO_BACKEND not in definition.argnames)
        ):
            return None
        own = self._seen.event_loop
        if own is not None:
            scope: Scope = own.scope
            return scope
        return loop_scope_of(function) or self._names.fixture_scope(definition)

    def _have_as_current(self, definition: Any, loop: object) -> None:
        """Have a project's own loop be asyncio's current one up to the end of its fixture.

        As up to pytest-asyncio 0.26: what the end calls may ask for it (``asyncio.gather()`` of
        nothing does), after the runner in it has ended and has set none; and so may sync tests
        that come later, which get a loop of nobody's.
        """
        if isinstance(loop, asyncio.AbstractEventLoop):
            self._own_loops[definition] = loop
            set_current(loop)
            definition.addfinalizer(partial(set_current, loop))

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: Definition) -> None:
        self._live.pop(fixturedef, None)
        if self._own_loops.pop(fixturedef, None) is not None:
            if self._spare is None or self._spare.is_closed():
                self._spare = asyncio.new_event_loop()
            set_current(self._spare)

    def pytest_unconfigure(self) -> None:
        """The run is over."""
        if self._spare is not None:
            set_current(None)
            self._spare.close()

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


def _ask_for_backend(metafunc: pytest.Metafunc) -> None:
    """Have a test run once on each value of ``anyio_backend``, as if it asked for it."""
    metafunc.fixturenames.append(ANYIO_BACKEND)
    found: Any = definition_of(ANYIO_BACKEND, metafunc.definition)
    if found is not None and found.params is not None:
        metafunc.parametrize(
            ANYIO_BACKEND, found.params, indirect=True, scope=found.scope, ids=found.ids
        )


def _raise(error: BaseException, **_: Any) -> None:
    raise error


def _is_async(function: object) -> bool:
    """Whether the function of a fixture is async, as a generator or not."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _on_instance(function: Any, instance: object) -> Callable[..., Any]:
    """A fixture's function, bound to the instance whose test asks for it."""
    found: Callable[..., Any] = function
    if inspect.ismethod(function) and type(function.__self__) is type(instance):
        found = function.__func__.__get__(instance)
    return found


def _warn_of_sync(item: pytest.Function) -> None:
    if marks.is_generator(item.obj):
        return
    item.warn(
        pytest.PytestWarning(
            f"{item.nodeid} is marked with '@pytest.mark.asyncio' but it is not an async function. "
            "Please remove the mark; it may stand in a pytestmark."
        )
    )


def _warn_of_unmarked(item: Any) -> None:
    """In strict mode, an async ``@pytest.fixture`` is nobody's: the test gets a coroutine."""
    for name, value in item.funcargs.items():
        if inspect.iscoroutine(value) or inspect.isasyncgen(value):
            text = (
                f"asyncio test {item.name!r} requested async @pytest.fixture {name!r} in strict "
                "mode. You might want to use @pytest_asyncio.fixture or switch to auto mode. "
            )
            warnings.warn(pytest.PytestDeprecationWarning(text), stacklevel=1)
