"""Coroutines that a double is given in place of what would have awaited them.

Problem: a patched ``asyncio.run`` or ``wait_for`` swallows the coroutine that it is given: the code
under test never runs, and the test is green.
Approach: the double of such a function hands what it is given to the real one, and gives what that
gives, unless its author has said what it gives. Where it is not to, or an error was asked for, it
closes them and has their names on record.
Limits: a function as ``side_effect`` has its arguments for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..backends import is_unbegun
from ..findings import MockError
from ..own import asyncio
from ..seams.doubles import Told
from ..seams.unittest_mock import AnyCoroutine, coroutines_in
from .nature import Called, Nature

_AWAITING: tuple[Any, ...] = (
    asyncio.create_task,
    asyncio.ensure_future,
    asyncio.gather,
    asyncio.run,
    asyncio.run_coroutine_threadsafe,
    asyncio.shield,
    asyncio.wait_for,
)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a double does with coroutines; ``real`` is the function that it stands for, if any."""

    real: Callable[..., Any] | None
    awaits: bool

    def call(self, told: Told, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a call of a sync double gives."""
        given = _unbegun(args, kwargs)
        if self._keeps(told, given):
            return told.outcome()
        assert self.real is not None, "`target_of` makes no other that awaits"
        try:
            result = self.real(*args, **kwargs)
        except BaseException as error:
            # the real one has refused: `asyncio.run` in a running loop
            told.closed(_close(given))
            error.add_note("anyrig: the double handed its arguments to the real function; "
                           "awaits_arguments=False has it close them")  # fmt: skip
            raise
        return told.outcome() if told.has_result else result

    async def call_async(self, told: Told, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an awaited call of an async double gives."""
        given = _unbegun(args, kwargs)
        if self._keeps(told, given):
            return await told.outcome()
        if self.real is not None:
            result = await self.real(*args, **kwargs)
        else:
            results = [await coroutine for coroutine in given]
            result = results[0] if len(results) == 1 else results
        return await told.outcome() if told.has_result else result

    def _keeps(self, told: Told, given: list[AnyCoroutine]) -> bool:
        """Whether nothing is handed on: what it is given is closed, but for a function's."""
        if told.is_function:
            return True
        if given and (told.is_error or not self.awaits):
            told.closed(_close(given))
            return True
        is_known = self.awaits and is_awaiting(self.real)
        return not given and (not is_known or told.is_error or told.has_result)


def target_of(nature: Nature, name: str, awaits_arguments: bool | None) -> Target | None:
    """What a double of this nature does with coroutines; None where it is given none as a rule."""
    real = None if nature.is_open else nature.thing
    is_known = is_awaiting(real)
    if awaits_arguments is None and not is_known:
        return None
    awaits = is_known if awaits_arguments is None else awaits_arguments
    is_callable = nature.called in (Called.SYNC, Called.ASYNC)
    if not is_callable or (awaits and real is None and nature.called is not Called.ASYNC):
        raise MockError(f"awaits_arguments: `{name}` is no function that could await them")
    return Target(real, awaits)


def is_awaiting(real: Any) -> bool:
    """Whether it is one of asyncio's functions that await what they are given."""
    return any(real is one for one in _AWAITING)  # it may have an equality of its own, or no hash


def _unbegun(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[AnyCoroutine]:
    return [coroutine for coroutine in coroutines_in(args, kwargs) if is_unbegun(coroutine)]


def _close(given: list[AnyCoroutine]) -> tuple[str, ...]:
    for coroutine in given:
        coroutine.close()
    return tuple(coroutine.__qualname__ for coroutine in given)
