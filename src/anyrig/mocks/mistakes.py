"""Mistakes with what a double is given, each told at the line that makes it, with what to type.

Problem: a stock mock takes anything: a coroutine as a return value that can be awaited once, an
async side effect where the real thing is sync, a keyword with a typo in it.
Approach: what is given to a double is held against its nature when it is given.
Limits: that what a sync double gives was awaited is Python's own ``TypeError``: an object that told
more would have to be awaitable. A sync function without an annotation may give an awaitable; an
async side effect is refused there, and a lambda that calls it is not.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from types import CoroutineType
from typing import Any

from ..findings import MockError
from ..seams.doubles import is_async
from .awaiting import is_awaiting
from .nature import AnyNature, Called, Nature

__tracebackhide__ = True  # a traceback ends at the line of the user's

_GIVEN = ("return_value", "side_effect")
_OPTIONS = ("awaits_arguments", "checkpoint", "delay", *_GIVEN)
_STOCK = {
    "autospec": "a double is made from the real thing anyway: leave it out",
    "new_callable": "give what it is to make: new=...",
    "spec": "a double is made from what stands there: leave it out, or new=mocks.create(...)",
    "spec_set": "a double is made from what stands there: leave it out, or new=mocks.create(...)",
    "wraps": "have it do the work: side_effect=...",
}


def check_given(nature: Any, name: Callable[[], str], which: str, value: Any) -> None:
    """Raise `MockError` for a ``return_value`` or ``side_effect`` that can't be meant."""
    if which == "return_value":
        _check_result(nature, name, value)
    elif nature.called is Called.ASYNC:
        _check_listed(nature, name, value)
        _check_does_something(name, value)
    elif is_async(value):
        _check_async_effect(nature, name, value)
    elif not (nature.called is Called.ASYNC_GENERATOR and hasattr(value, "__aiter__")):
        _check_does_something(name, value)


def _check_result(nature: Nature, name: Callable[[], str], value: Any) -> None:
    if type(value) is CoroutineType and _is_lost(nature):
        value.close()
        raise error(
            f"`{name()}.return_value` is the coroutine `{value.__name__}()`: it is handed out as "
            "it is, and nobody awaits it",
            f"{name()}.return_value = ...  # what awaiting it gives",
            f"or {name()}.side_effect = {value.__name__}",
        )
    is_generator = nature.called is Called.ASYNC_GENERATOR
    if is_generator and not hasattr(value, "__iter__") and not hasattr(value, "__aiter__"):
        if type(value) is CoroutineType:
            value.close()
        raise error(
            f"`{name()}` is an async generator, and there is nothing to go through in {value!r}",
            f"{name()}.return_value = [...]  # the values that it yields",
        )


def _check_listed(nature: Nature, name: Callable[[], str], effect: Any) -> None:
    if not isinstance(effect, list | tuple) or not _is_lost(nature):
        return
    coroutines = [value for value in effect if type(value) is CoroutineType]
    for coroutine in coroutines:
        coroutine.close()
    if coroutines:
        raise error(
            f"`{name()}.side_effect` lists the coroutine `{coroutines[0].__name__}()`: it is "
            "handed out as it is, and nobody awaits it",
            f"{name()}.side_effect = [...]  # what awaiting each call gives",
            f"or {name()}.side_effect = {coroutines[0].__name__}",
        )


def _check_async_effect(nature: Nature, name: Callable[[], str], effect: Any) -> None:
    text = getattr(effect, "__name__", "function")
    if nature.called is Called.ASYNC_GENERATOR:
        raise error(
            f"`{name()}` is an async generator, and its side_effect `{text}` gives one value that "
            "is awaited",
            f"`yield` in `{text}`, or a list: {name()}.side_effect = [...]",
        )
    if nature.called is Called.SYNC and not _gives_awaitable(nature):
        raise error(
            f"`{name()}` is sync, and its side_effect `{text}` is async: the code under test would "
            "get a coroutine",
            f"make `{text}` a `def`; or, where the real `{name()}` gives an awaitable:",
            f"{name()}.side_effect = lambda *args: {text}(*args)",
        )


def _check_does_something(name: Callable[[], str], effect: Any) -> None:
    does = callable(effect) or isinstance(effect, BaseException)
    if not does and not hasattr(effect, "__iter__") and not hasattr(effect, "__getitem__"):
        raise error(
            f"`{name()}.side_effect` is {effect!r}: it takes a function, an exception, or a list "
            "of what the calls give, one after the other",
            f"{name()}.return_value = {effect!r}",
        )


def check_effect(nature: Any, name: Callable[[], str], result: Any) -> None:
    """Raise `MockError` where an async double's side effect has given a coroutine."""
    if type(result) is CoroutineType and (nature is None or _is_lost(nature)):
        result.close()
        raise error(
            f"the side_effect of `{name()}` has given the coroutine `{result.__name__}()`, and "
            "nobody awaits it",
            f"{name()}.side_effect = {result.__name__}",
            "or an `async def` that awaits it",
        )


def _is_lost(nature: Nature) -> bool:
    """Whether a coroutine that a double gives is one too many."""
    return nature.called is Called.ASYNC and not nature.may_give_awaitable


def _gives_awaitable(nature: Nature) -> bool:
    return nature.is_open or is_awaiting(nature.thing) or nature.may_give_awaitable


def check_options(nature: AnyNature, name: str, options: Iterable[str]) -> None:
    """Raise `MockError` for a keyword that is no option and no attribute of the real thing."""
    for option in options:
        _check_option(nature, name, option)


def _check_option(nature: AnyNature, name: str, option: str) -> None:
    parts = option.split(".")
    for index, part in enumerate(parts):
        if not isinstance(nature, Nature):
            return
        names = nature.names()
        if part in _GIVEN and part not in (names or ()):
            if nature.called is Called.NEVER and names is not None:
                raise error(
                    f"`{'.'.join([name, *parts[:index]])}` can't be called: it takes no {part}",
                    f'**{{"method.{part}": ...}}, for one of its methods',
                )
            if part == "side_effect":
                return
            nature = nature.result()
            continue
        if index == 0 and part in _STOCK and part not in (names or ()):
            raise error(f"`{name}`: {part}= is unittest.mock's", _STOCK[part])
        if names is None:
            return
        if part not in names:
            if may_have(nature.thing, part):
                return
            raise _unknown(".".join([name, *parts[:index]]), option, part, names)
        nature = nature.attribute(part)


def check_keywords(name: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `MockError` for a keyword that is no attribute, but a known one that is misspelt."""
    for keyword in given:
        near = close(keyword, [*known, "return_value", "side_effect"], cutoff=0.85)
        if near and near[0] != keyword:
            raise error(
                f"`{name}` is given `{keyword}`, which is near to `{near[0]}`", f"{near[0]}=..."
            )


def _unknown(path: str, option: str, part: str, names: list[str]) -> MockError:
    what = f"`{path}` has no attribute `{part}`"
    known = [name for name in names if not name.startswith("_")]
    if option.startswith(part):
        what += ", and there is no such option"
        known += _OPTIONS
    asked, _, given = part.rpartition("__")
    if given not in _GIVEN:
        asked, given = part, ""
    near = [option.replace(part, f"{name}.{given}".strip("."), 1) for name in close(asked, known)]
    typed = [f"{one}=..." if one.isidentifier() else f'**{{"{one}": ...}}' for one in near]
    return error(what, *typed or ["annotate it in the class, or give an object that has it"])


def may_have(thing: Any, name: str) -> bool:
    """Whether an object may have an attribute that its class does not tell: one made by code."""
    if isinstance(thing, types.ModuleType):
        return "__getattr__" in vars(thing)
    return any(
        key in ("__getattr__", "__getattribute__") or _speaks_of(value, name)
        for cls in (thing if isinstance(thing, type) else type(thing)).__mro__[:-1]
        for key, value in vars(cls).items()
    )


def _speaks_of(member: object, name: str) -> bool:
    code = getattr(getattr(member, "__wrapped__", member), "__code__", None)
    return code is not None and not {name, "__dict__", "setattr"}.isdisjoint(code.co_names)


def close(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """The names that are near to one, the nearest first; ``cutoff`` as `difflib` has it."""
    import difflib

    return difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)


def error(what: str, *mend: str) -> MockError:
    """What was done, and what to type."""
    lines = "\n        ".join(mend)
    return MockError(f"{what}\n\nmend:   {lines}")
