"""Mistakes with doubles, each told at the line that makes it, with what to type.

Problem: a stock mock takes anything: a coroutine as a return value that can be awaited once, an
async side effect where the real thing is sync, a keyword with a typo in it, a patch that nobody
sees because the code under test holds its own name of what was patched.
Approach: what is given to a double is held against its nature when it is given; who else holds what
a patch has replaced is looked for when an assertion fails on a double that was never called.
Limits: that what a sync double gives was awaited is Python's own ``TypeError``: an object that told
more would have to be awaitable.
"""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CoroutineType, ModuleType
from typing import Any, get_origin

from ..findings import MockError
from ..origins import Origins
from .awaiting import AWAITING
from .nature import AnyNature, Called, Nature

__tracebackhide__ = True

_OPTIONS = ("awaits_arguments", "checkpoint", "delay", "return_value", "side_effect")
_STOCK = {
    "autospec": "a double is made from the real thing anyway: leave it out",
    "create": "there is nothing to make a double from: give it, as in new=mocks.stub('name')",
    "new_callable": "give what it is to make: new=...",
    "spec": "a double is made from what stands there: leave it out, or new=mocks.create(...)",
    "spec_set": "a double is made from what stands there: leave it out, or new=mocks.create(...)",
    "wraps": "have it do the work: side_effect=...",
}


def check_given(nature: Any, name: Callable[[], str], which: str, value: Any) -> None:
    """Raise `MockError` for a ``return_value`` or ``side_effect`` that can't be meant."""
    if which == "return_value":
        if type(value) is CoroutineType and nature.called is Called.ASYNC:
            value.close()
            raise _error(
                f"`{name()}.return_value` is the coroutine `{value.__qualname__}()`: it is handed "
                "out as it is, and nobody awaits it",
                f"{name()}.return_value = ...  # what awaiting it gives",
                f"or {name()}.side_effect = {value.__name__}",
            )
    elif inspect.iscoroutinefunction(value):
        if nature.called is Called.SYNC and not _gives_awaitable(nature):
            text = getattr(value, "__name__", "function")
            raise _error(
                f"`{name()}` is sync, and its side_effect `{text}` is async: the code under test "
                "would get a coroutine",
                f"make `{text}` a `def`; or, where the real `{name()}` gives an awaitable,",
                "    annotate it with that: -> Awaitable[...]",
            )
    elif not (callable(value) or isinstance(value, BaseException) or hasattr(value, "__iter__")):
        raise _error(
            f"`{name()}.side_effect` is {value!r}: it takes a function, an exception, or a list of "
            "what the calls give, one after the other",
            f"{name()}.return_value = {value!r}",
        )


def check_effect(name: str, effect: Any, result: Any) -> None:
    """Raise `MockError` where an async double's side effect has given a coroutine."""
    if type(result) is CoroutineType and callable(effect):
        result.close()
        raise _error(
            f"the side_effect of `{name}` has given the coroutine `{result.__qualname__}()`, and "
            "nobody awaits it",
            f"{name}.side_effect = {result.__name__}",
            "or an `async def` that awaits it",
        )


def check_options(nature: AnyNature, name: str, options: Iterable[str]) -> None:
    """Raise `MockError` for a keyword that is no option and no attribute of the real thing."""
    names = nature.names() if isinstance(nature, Nature) else None
    for option in options:
        if option in _STOCK:
            raise _error(f"`{name}`: {option}= is unittest.mock's", _STOCK[option])
        first = option.partition(".")[0]
        if option in _OPTIONS or first in _OPTIONS or names is None or first in names:
            continue
        known = [*_OPTIONS, *(one for one in names if not one.startswith("_"))]
        raise _error(
            f"`{name}` has no attribute `{first}`, and there is no such option",
            *_near(first, known),
        )


def resolve(target: str) -> tuple[Any, str]:
    """The owner of a patch's target, and the name in it; raises `MockError`."""
    owner, _, name = target.rpartition(".")
    if not owner:
        raise _error(
            f"the target {target!r} has no module in it",
            f'patch("module.{target}"), with the module whose code uses it',
        )
    try:
        return pkgutil.resolve_name(owner), name
    except (ImportError, AttributeError, ValueError) as error:
        raise _error(
            f"the target {target!r} is not there: {error}",
            "patch the name where the code under test looks it up: module.name",
        ) from error


def check_there(owner: Any, name: str) -> None:
    """Raise `MockError` where there is nothing of this name to be replaced."""
    if hasattr(owner, name):
        return
    where = getattr(owner, "__name__", None) or type(owner).__name__
    known = [one for one in dir(owner) if not one.startswith("__")]
    raise _error(f"`{where}` has no `{name}` that a double could stand for", *_near(name, known))


@dataclass(frozen=True, slots=True, eq=False)
class Replaced:
    """What a patch has replaced in a module: the dotted name, the real thing, who patched."""

    owner: ModuleType
    name: str
    real: Any
    patcher: str | None

    def hint(self) -> str | None:
        """Who holds a name of its own for the real thing, which the patch does not reach."""
        holders = list(self._holders())
        if not holders:
            return None
        target = f"{self.owner.__name__}.{self.name}"
        held = ", ".join(f"`{module}` holds its own `{name}`" for module, name in holders)
        module, name = holders[0]
        return f"patched `{target}`, but {held}: patch `{module}.{name}`"

    def _holders(self) -> Iterator[tuple[str, str]]:
        origins = Origins(Path.cwd())
        known = {self.owner.__name__, getattr(self.real, "__module__", None), self.patcher}
        for module_name, module in list(sys.modules.items()):
            if module_name in known or not isinstance(module, ModuleType):
                continue
            file = getattr(module, "__file__", None)
            if file is None or not origins.is_users(file):
                continue
            for name, value in list(vars(module).items()):
                if value is self.real:
                    yield module_name, name


def _gives_awaitable(nature: Any) -> bool:
    if nature.is_open or any(nature.thing is one for one in AWAITING):
        return True
    returns = get_origin(nature.returns) or nature.returns
    return isinstance(returns, type) and issubclass(returns, Awaitable)


def _near(name: str, known: Iterable[str]) -> Iterator[str]:
    close = difflib.get_close_matches(name, list(known), n=3)
    yield (
        f"did you mean {' or '.join(f'`{one}`' for one in close)}?"
        if close
        else ("dir() lists what there is")
    )


def _error(what: str, *mend: str) -> MockError:
    lines = "\n        ".join(mend)
    return MockError(f"{what}\n\nmend:   {lines}")
