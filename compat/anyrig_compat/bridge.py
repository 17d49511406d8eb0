"""Values of asyncio's side, as trio's side can use them: `bridge` and its way back, `unbridge`.

Problem: what an asyncio-only fixture gives can be awaited on asyncio's loop alone.
Approach: a transparent proxy whose calls, awaits, blocks and iterations run on the guest's loop,
and whose results are bridged in turn. Arguments go over as the real things.
Limits: a proxy is another object than the real one (`is`), and two proxies of one thing are equal
and not the same. An async function that is given as an argument runs on asyncio's side, as
asyncio's code awaits it; `call_on_trio` has it run on trio's.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Awaitable, Callable
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")
_WRAPT = (2, 2)  # as the extra `compat` says
_NEEDS = 'to bridge asyncio and trio needs wrapt >= 2.2: pip install "anyrig[compat]"'


def bridge(value: T, *, origin: str | None = None) -> T:
    """The value as trio's side can use it: itself, or a transparent proxy where it needs one.

    Needs one: what has async methods, can be awaited, entered or iterated by ``async``; asyncio's
    own objects; functions and methods; classes of such objects; a generator. A tuple comes as a
    tuple with its parts bridged; a list, dict, set or plain object that holds such things at the
    time comes as a proxy of itself. In an asyncio test, which has no trio run around it, it is the
    value. ``origin`` is the name of the fixture that gives it, for the error of a thing in it that
    was not bridged. Raises ImportError where wrapt is not installed.
    """
    from .crossing import is_on_asyncio
    from .guest import current_guest

    if is_on_asyncio() and current_guest() is None:
        return value
    bridged: T = _proxies().to_trio(value, origin)
    return bridged


def unbridge(value: T) -> T:
    """The real thing behind a proxy, and behind those in lists, tuples, sets and dicts.

    A container without a proxy in it is itself; with one it is a new one.
    """
    real: T = _proxies().to_asyncio(value)
    return real


async def call_on_trio(func: Callable[..., Awaitable[T]], /, *args: Any) -> T:
    """What an async function gives that runs on trio's side, for code of asyncio's to await.

    ``functools.partial(call_on_trio, handler)`` is a callback for asyncio's code. Its arguments
    come bridged; what it gives goes back as the real thing. On trio's side it is simply awaited.
    """
    from .crossing import is_on_asyncio
    from .guest import current_guest

    guest = current_guest() if is_on_asyncio() else None
    if guest is None:
        return await func(*args)
    return unbridge(await guest.on_trio(func, *map(bridge, args)))


def missing() -> str | None:
    """What has to be installed before anything can be bridged, in words; None where it is."""
    try:
        found = metadata.version("wrapt")
    except metadata.PackageNotFoundError:
        # a copy without metadata is as new as it is
        return _NEEDS if importlib.util.find_spec("wrapt") is None else None
    numbers = tuple(map(int, re.findall(r"\d+", found)[:2]))
    return f"{_NEEDS} (there is wrapt {found})" if numbers < _WRAPT else None


def _proxies() -> ModuleType:
    try:
        from . import proxies
    except ImportError as error:
        if error.name != "wrapt":
            raise
        raise ImportError(_NEEDS, name="wrapt") from None
    return proxies
