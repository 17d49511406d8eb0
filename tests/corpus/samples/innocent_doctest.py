"""Doctests that run what they make.

>>> import asyncio
>>> from store import save
>>> asyncio.run(save(1))
1
>>> coroutine = save(1)
>>> coroutine.close()
"""

from __future__ import annotations


def in_a_function() -> None:
    """A doctest of a function.

    >>> import trio
    >>> from store import save
    >>> trio.run(save, 2)
    2
    """
