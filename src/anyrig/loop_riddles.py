"""What asyncio raises about a thing of another event loop: what thing, whose loop, what to type.

Problem: "is bound to a different event loop", "attached to a different loop" and "Event loop is
closed" name neither the thing that somebody has kept, nor where its loop comes from.
Approach: the frames of the traceback have the thing by a name, and what it holds has the loop. That
was made for a test, or is known by where it was made.
Limits: what no variable of the user's reaches in three steps is not found, and nothing is said.
"""

from __future__ import annotations

import re
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import pytest

from . import safe, source
from .columns import wrapped
from .findings import Phase, Place
from .live_fixtures import LiveFixtures, is_async
from .origins import Origins
from .own import asyncio, inspect, os, traceback
from .report.words import CODE, mend_lines
from .seams.asyncio_errors import loop_of, made_for
from .who_runs import other_runner

_BOUND = "is bound to a different event loop"
_CLOSED = "Event loop is closed"
# what a task is thrown into its coroutine, and what is raised before one is run
_ATTACHED = re.compile(
    r"Task <.*> got Future <.*> attached to a different loop"
    r"|The future belongs to a different loop than the one specified as the loop argument",
    re.DOTALL,
)
_RUNS = re.compile(r"\b(?:asyncio\.run|run_until_complete)\(")  # in a loop that is none of ours
_ASYNCIO = (os.path.dirname(inspect.__file__) + os.sep + "asyncio", "uvloop")
_STEPS = 3
_MANY = 500  # things that are looked at for one name
_FEW = 20  # of a list, a dict or the like
_NO_THINGS = (
    *(type, ModuleType, FunctionType, MethodType, str, bytes, int, float, FrameType),
    AbstractEventLoop,
)
_NAMELESS = ("self", "cls")
_LOOPS_NAMES = ("_loop", "loop")


class Known(NamedTuple):
    """What is known of the run, where a test has failed."""

    item: pytest.Item
    origins: Origins
    fixtures: LiveFixtures
    loop: AbstractEventLoop | None = None  # that of the runner
    # where a loop was made; None where nobody has seen
    born: Callable[[AbstractEventLoop], object] = lambda loop: None


class _Found(NamedTuple):
    """A thing that belongs to another loop, and the variable that leads to it."""

    frame: FrameType
    name: str
    path: str
    thing: object
    loop: AbstractEventLoop


def lines(error: BaseException, said: str, known: Known) -> Iterator[str]:
    """The sentence and the mend; none where nothing is known."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames:
        return
    if isinstance(error, RuntimeError) and _BOUND in said:
        yield from _of_bound(frames, known)
    elif (
        isinstance(error, RuntimeError)
        and said.strip().endswith(_CLOSED)
        and _has_checked(frames[-1])
    ):
        own = frames[-1].f_locals.get("self")
        yield from _of_closed(frames, known, own)
    elif isinstance(error, RuntimeError | ValueError) and _ATTACHED.search(said):
        here = _running_in(frames, known)
        yield from _of_other(frames, known, lambda loop: loop not in here)


def _has_checked(frame: FrameType) -> bool:
    """Whether it is a loop that has raised: asyncio's, or uvloop's in C."""
    name = frame.f_code.co_filename
    return name.startswith(_ASYNCIO[0]) or (_ASYNCIO[1] in name and name.endswith(".pyx"))


def _of_bound(frames: list[FrameType], known: Known) -> Iterator[str]:
    """A lock, an event, a queue that another loop has used first."""
    thing = frames[-1].f_locals.get("self")
    loop = loop_of(thing)
    if loop is None:
        return
    found = _find(frames, known, lambda one, of: of is thing)
    found = found or _Found(frames[-1], "", "", thing, loop)
    whose = _whose(loop, known) or "another one"
    yield from wrapped(
        f"{_named(found, known)} belongs to the event loop that used it first, {whose}: "
        "each test has a loop of its own, where no wider async fixture keeps it"
    )
    yield ""
    yield from mend_lines(_mend(found, known))


def _of_closed(frames: list[FrameType], known: Known, own: object) -> Iterator[str]:
    """A client whose loop has ended with its test, or with `asyncio.run`."""

    def is_it(loop: AbstractEventLoop) -> bool:
        return loop is own if isinstance(own, AbstractEventLoop) else loop.is_closed()

    yield from _of_other(frames, known, is_it)


def _of_other(
    frames: list[FrameType], known: Known, is_wanted: Callable[[AbstractEventLoop], bool]
) -> Iterator[str]:
    """A future, a task, or what holds one, of a loop that is not the test's."""
    found = _find(frames, known, lambda loop, of: loop is not None and is_wanted(loop))
    whose = None if found is None else _whose(found.loop, known, found)
    if found is None or whose is None:
        return
    closed = ", which is closed" if found.loop.is_closed() else ""
    yield from wrapped(
        f"{_named(found, known)} belongs to another event loop{closed}: {whose}. "
        "Each test has a loop of its own, where no wider async fixture keeps it"
    )
    yield ""
    yield from mend_lines(_mend(found, known))


def _running_in(frames: Iterable[FrameType], known: Known) -> set[AbstractEventLoop]:
    """The loops that ran the code which failed: what stands outside of the first user's line."""
    found = set() if known.loop is None else {known.loop}
    for frame in frames:
        if known.origins.is_users(frame.f_code.co_filename):
            break
        for value in frame.f_locals.values():
            one = _loop_in(value) if isinstance(value, asyncio.Runner) else value
            if isinstance(one, AbstractEventLoop):
                found.add(one)
    return found


# -- what thing ------------------------------------------------------------------------------------


def _find(
    frames: list[FrameType],
    known: Known,
    is_it: Callable[[AbstractEventLoop | None, object], bool],
) -> _Found | None:
    """What a variable of the user's leads to, innermost line first, that belongs to such a loop.

    What is but ``self`` there has a better name further out.
    """
    first = None
    for frame in reversed(frames):
        if not known.origins.is_users(frame.f_code.co_filename):
            continue
        names = dict(frame.f_locals)
        named = {name: frame.f_globals[name] for name in _globals_of(frame)}
        for name, value in (*names.items(), *named.items()):
            found = _reach(name, value, is_it)
            if found is not None:
                path, thing = found
                one = _Found(frame, name, path, thing, _loop_in(thing) or _loop_of(thing))
                if name not in _NAMELESS:
                    return one
                first = first or one
    return first


def _globals_of(frame: FrameType) -> Iterator[str]:
    return (name for name in frame.f_code.co_names if name in frame.f_globals)


def _reach(
    name: str, value: object, is_it: Callable[[AbstractEventLoop | None, object], bool]
) -> tuple[str, object] | None:
    """The first thing behind a variable that is one, with the way to it; nearer ones first."""
    seen: set[int] = set()
    rest = deque([(name, value, 0)])
    while rest and len(seen) < _MANY:
        path, thing, steps = rest.popleft()
        if id(thing) in seen or isinstance(thing, _NO_THINGS) or _is_pytests(thing):
            continue
        seen.add(id(thing))
        if is_it(_loop_in(thing), thing):
            return path, thing
        if steps < _STEPS:
            rest += [(f"{path}{way}", one, steps + 1) for way, one in _within(thing)]
    return None


def _is_pytests(thing: object) -> bool:
    """Whether it is a test's own world: what that reaches is everything."""
    return type(thing).__module__.partition(".")[0] in ("_pytest", "anyrig", "anyio")


def _within(thing: object) -> Iterator[tuple[str, object]]:
    """What a thing holds, with the way to it; no code of anybody's runs."""
    if type(thing) in (list, tuple, set, frozenset, deque):
        items: Any = thing
        yield from (("[...]", one) for _, one in zip(range(_FEW), list(items), strict=False))
        return
    if type(thing) is dict:
        yield from (
            ("[...]", one) for _, one in zip(range(_FEW), list(thing.values()), strict=False)
        )
        return
    yield from ((f".{name}", one) for name, one in _attributes(thing).items())


def _attributes(thing: object) -> dict[str, object]:
    """The attributes of an object: those in its dict, and in the slots of its class."""
    found: dict[str, object] = {}
    with suppress(AttributeError, TypeError):
        found |= object.__getattribute__(thing, "__dict__")
    for kind in type(thing).__mro__:
        for name, one in vars(kind).items():
            if inspect.ismemberdescriptor(one):
                try:
                    found[name] = one.__get__(thing)
                except AttributeError:
                    continue
    return found


def _loop_in(thing: object) -> AbstractEventLoop | None:
    """The loop that a thing belongs to; None where to none, or to nobody knows which."""
    if isinstance(thing, asyncio.Future):
        return thing.get_loop()
    attributes = _attributes(thing)
    for name in _LOOPS_NAMES:
        loop = attributes.get(name)
        if isinstance(loop, AbstractEventLoop):
            return loop
    return None


def _loop_of(thing: object) -> AbstractEventLoop:
    loop = loop_of(thing)
    assert loop is not None
    return loop


# -- wording ---------------------------------------------------------------------------------------


def _named(found: _Found, known: Known) -> str:
    """The thing by the variable that has it, and where a global was made."""
    words = f"the {safe.name(type(found.thing).__name__)}"
    if not found.name:
        return words
    is_near = found.path.removeprefix(found.name).count(".") <= 1 and "[" not in found.path
    words += f" `{found.path}`" if is_near else f" that `{found.name}` holds"
    made = _made(found)
    if made is None:
        return words
    filename = found.frame.f_code.co_filename
    return f"{words} ({safe.path(known.origins.path(filename))}:{made[0]})"


def _made(found: _Found) -> tuple[int, str] | None:
    """The line where a module makes a global, and what it is given; None for what is no global."""
    frame, name = found.frame, found.name
    if not name or name in frame.f_locals:
        return None
    return source.assigned(frame.f_code.co_filename, name)


def _whose(loop: AbstractEventLoop, known: Known, found: _Found | None = None) -> str | None:
    """Where a loop comes from; None where that is not known, or it is the test's own."""
    here = known.item.nodeid
    test = made_for(loop)
    if test is not None:
        return None if test == here else f"the one of {test}"
    place = known.born(loop)
    if not isinstance(place, Place):
        return None
    if place.test is None:
        if place.phase is Phase.COLLECT:
            return "one that was made before the tests"
        wide = None if found is None else _fixture_of(found, known.item, known.fixtures)
        return (
            "one of a wider fixture's" if wide is None else f"that of the fixture `{wide.argname}`"
        )
    if place.test != here:
        return f"one that {place.test} made"
    is_over = place.phase is Phase.SETUP and loop.is_closed()
    return "one that the setup of this test made and closed" if is_over else None


def _mend(found: _Found, known: Known) -> tuple[str, ...]:
    """What to type so that the thing belongs to the loop of the test that uses it."""
    made = _made(found)
    if made is not None and _RUNS.search(made[1]):
        return ("make it in an async fixture, which runs on the loop of the test",)
    if made is not None:
        module = found.frame.f_globals.get("__name__")
        return (
            "give each test one of its own:",
            f"{CODE}@pytest.fixture(autouse=True)",
            f"{CODE}def fresh_{found.name}(monkeypatch):",
            f'{CODE}    monkeypatch.setattr("{module}.{found.name}", {made[1]})',
        )
    definition = _fixture_of(found, known.item, known.fixtures)
    if definition is None:
        return ("make it anew for each test, in a fixture",)
    name = definition.argname
    if not is_async(definition):
        waits = "await in it in place of a loop of its own (asyncio.run)"
        return (f"make the fixture `{name}` an `async def`, and {waits}: the test's loop runs it",)
    runner = other_runner(known.item)
    if runner is not None and runner.name == "pytest-asyncio" and definition.scope != "function":
        return (
            "have the test run on the loop of its fixture:",
            f'{CODE}@pytest.mark.asyncio(loop_scope="{definition.scope}")',
            f"or give `{name}` the scope 'function'",
        )
    return (f"give `{name}` the scope 'function': each test has one of its own",)


def _fixture_of(found: _Found, item: Any, fixtures: LiveFixtures) -> pytest.FixtureDef[Any] | None:
    """The fixture whose value the variable is."""
    values: dict[str, Any] = getattr(item, "funcargs", None) or {}
    value = found.frame.f_locals.get(found.name)
    names = [name for name, one in values.items() if one is value]
    if value is None or not names:
        return None
    return next(iter(fixtures.among(names)), None)
