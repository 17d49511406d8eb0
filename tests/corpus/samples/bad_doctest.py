"""Doctests in docstrings.

>>> from store import save
>>> _ = print(save(1) is None)  # FOUND missed_await call of bad_doctest
False
"""

from __future__ import annotations

KEPT: list[object] = []


def in_a_function() -> None:
    """A doctest of a function.

    >>> from store import save
    >>> import asyncio
    >>> for number in (1, 2):
    ...     _ = save(number)  # FOUND missed_await call times 2 of bad_doctest.in_a_function
    >>> del _
    >>> asyncio.run(save(1))
    1
    """


class Documented:
    def method(self) -> None:
        """A doctest of a method, held by a global.

        >>> from store import save
        >>> KEPT.append(save(1))  # FOUND missed_await call of bad_doctest.Documented.method
        """


def calls_a_helper() -> None:
    """The line is the helper's.

    >>> helper()
    """


def helper() -> None:
    from store import save

    save(1)  # FOUND missed_await call of bad_doctest.calls_a_helper
