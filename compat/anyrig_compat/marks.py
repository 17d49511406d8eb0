"""What ``@pytest.mark.asyncio`` says of a test, and whether a test is the shim's at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NoReturn

import pytest

from anyrig.own import inspect

from .names import SCOPES, LoopFactory, Names, Scope

ANYIO_BACKEND = "anyio_backend"  # the parameter, and the fixture, of anyio's plugin
_OTHERS = ("anyio", "trio")  # the marks of those who run a test themselves
_KNOWN = {"loop_scope", "scope", "loop_factories"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a mark asks for; None where it leaves it to the options."""

    loop_scope: Scope | None
    factories: Sequence[str] | None


NOTHING = Asked(None, None)


def is_async(function: object) -> bool:
    """Whether a test's function is a coroutine function, given by hypothesis or not."""
    if type(function) is FunctionType and not function.__dict__:
        # as nearly all are, in auto mode
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    handle = getattr(function, "hypothesis", None)
    inner = function if handle is None else handle.inner_test
    return inspect.iscoroutinefunction(getattr(inner, "__func__", inner))


def is_generator(function: object) -> bool:
    """Whether a test's function is an async generator, which can be no test."""
    return inspect.isasyncgenfunction(getattr(function, "__func__", function))


def params_of(item: Any) -> dict[str, Any]:
    """The parameters of a test, by their names."""
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return params


def library_of(value: Any) -> str | None:
    """The async library that a value of ``anyio_backend`` names; None is none."""
    library: str | None = value[0] if isinstance(value, tuple) else value
    return library


def library_of_test(item: Any) -> str | None:
    """The one that a test's parameter ``anyio_backend`` names; None where it has none."""
    return library_of(params_of(item).get(ANYIO_BACKEND))


def mark_of(item: Any) -> pytest.Mark | None:
    """The mark ``asyncio`` of a test; None where a closer one hands it to another plugin."""
    for mark in item.iter_markers():
        if mark.name == "asyncio":
            found: pytest.Mark = mark
            return found
        if mark.name in _OTHERS:
            return None
    return None


def is_ours(item: Any, names: Names) -> bool:
    """Whether the shim runs a test: async, and marked so or in auto mode and nobody else's."""
    if not is_async(getattr(item, "obj", None)):
        return False
    return mark_of(item) is not None or (names.is_auto and is_unclaimed(item))


def is_unclaimed(item: Any) -> bool:
    """Whether no mark says who runs a test."""
    return not any(mark.name in ("asyncio", *_OTHERS) for mark in item.iter_markers())


def read(mark: pytest.Mark, nodeid: str) -> Asked:
    """What a mark asks for; fails the test for what it can't mean."""
    if not (mark.args or mark.kwargs):
        return NOTHING
    if mark.args or set(mark.kwargs) - _KNOWN:
        _fail(nodeid, "mark.asyncio accepts only keyword arguments 'loop_scope', 'loop_factories'.")
    if "scope" in mark.kwargs and "loop_scope" in mark.kwargs:
        # the words are what suites match
        _fail(
            nodeid,
            'An asyncio pytest marker defines both "scope" and "loop_scope", but it should only '
            'use "loop_scope".',
        )
    scope = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope")
    if scope is not None and scope not in SCOPES:
        _fail(
            nodeid,
            f"mark.asyncio got an unexpected loop scope value {scope!r}. "
            f"Valid scopes are: {', '.join(SCOPES)}.",
        )
    return Asked(scope, _factories(mark.kwargs.get("loop_factories"), nodeid))


def _factories(names: Any, nodeid: str) -> Sequence[str] | None:
    if names is None:
        return None
    is_list = isinstance(names, Sequence) and not isinstance(names, str)
    if not (is_list and names and all(isinstance(one, str) and one for one in names)):
        _fail(nodeid, "mark.asyncio 'loop_factories' must be a non-empty sequence of strings.")
    found: Sequence[str] = names
    return found


def _fail(nodeid: str, text: str) -> NoReturn:
    pytest.fail(f"{nodeid}: {text}", pytrace=False)


def parametrise(metafunc: pytest.Metafunc, asked: Asked, names: Names, fixture: str) -> None:
    """Have a test run once on each loop that ``pytest_asyncio_loop_factories`` gives it."""
    known = _from_hook(metafunc)
    if known is None:
        if asked.factories is not None:
            _fail(
                metafunc.definition.nodeid,
                "mark.asyncio 'loop_factories' requires at least one pytest_asyncio_loop_factories "
                "hook implementation.",
            )
        return
    chosen = list(known) if asked.factories is None else asked.factories
    metafunc.fixturenames.append(fixture)
    # one alone need not show in the test's id, from pytest 8.4 on
    hidden: Any = getattr(pytest, "HIDDEN_PARAM", None)
    metafunc.parametrize(
        fixture,
        [_parameter(name, known) for name in chosen],
        ids=(hidden,) if len(chosen) == 1 and hidden is not None else chosen,
        indirect=True,
        scope=asked.loop_scope or names.test_scope,
    )


def _parameter(name: str, known: Mapping[str, LoopFactory]) -> Any:
    if name in known:
        return known[name]
    reason = f"Loop factory {name!r} is not available. Available factories: {', '.join(known)}."
    return pytest.param(None, marks=pytest.mark.skip(reason=reason))


def _from_hook(metafunc: pytest.Metafunc) -> dict[str, LoopFactory] | None:
    hook: Any = metafunc.definition.ihook.pytest_asyncio_loop_factories
    if not hook.get_hookimpls():
        return None
    found = hook(config=metafunc.config, item=metafunc.definition)
    if not (isinstance(found, Mapping) and found and all(map(_is_factory, found.items()))):
        raise pytest.UsageError(
            "pytest_asyncio_loop_factories must return a non-empty mapping of factory names to "
            f"callables; it returned {found!r}"
        )
    return dict(found)


def _is_factory(entry: tuple[object, Callable[..., object]]) -> bool:
    name, factory = entry
    return isinstance(name, str) and bool(name) and callable(factory)
