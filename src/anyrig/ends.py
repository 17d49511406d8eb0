"""What a test is ended with where it waits, and what is told in its place.

Problem: a test that is ended goes on where its code, or a plugin's, takes the error for one of the
test's own: who retries waits once more, Hypothesis tries the next example.
Approach: what is raised is no `Exception`. pytest takes it for the failure of a test or a fixture,
as it does with `pytest.fail`; Hypothesis, `contextlib.suppress(Exception)` and who retries let it
pass. When the phase is over, what it was ended for takes its place.
Limits: ``except BaseException`` catches it. Who goes on after that is ended once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    _Outcome = BaseException
else:
    # what `pytest.fail` and `pytest.skip` raise: no `Exception`. With another base the end of one
    # fixture would keep pytest from ending the others
    _Outcome = pytest.fail.Exception.__mro__[1]

_CANCELLATIONS = {"CancelledError", "Cancelled"}  # asyncio's and trio's: imported where they run


class Stopped(_Outcome):
    """Raised where a test waits that has to end, and where it begins anew; ``error`` says why."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(None if error is None else str(error).partition("\n")[0])
        self.error = error


class Reason(str):
    """What asyncio's cancellation says that ends a test; who holds it has yet to handle that."""

    __slots__ = ("__weakref__",)

    @classmethod
    def of(cls, error: BaseException | None) -> Reason:
        """The first line of what an error says."""
        return cls("" if error is None else str(error).partition("\n")[0])


def is_end(error: BaseException) -> bool:
    """Whether an error says no more than that a test was ended: a cancellation does."""
    is_cancellation = type(error).__name__ in _CANCELLATIONS and not _is_own(error)
    return isinstance(error, Stopped) or is_cancellation


def _is_own(error: BaseException) -> bool:
    # that of `concurrent.futures` has the same name
    return isinstance(error, Exception)


def as_told(error: BaseException, ended: BaseException | None) -> BaseException:
    """What a phase fails with that raised this: what it was ended for, or an error of its own.

    ``ended`` is what the phase was ended for, if it was. A fixture that pytest keeps the error of
    raises it in later tests as well.
    """
    if isinstance(error, Stopped):
        told = error.error or ended or error
        return told.with_traceback(error.__traceback__)
    leaves = list(_leaves(error))
    if ended is None and not any(isinstance(leaf, Stopped) for leaf in leaves):
        return error
    if all(is_end(leaf) or leaf is ended for leaf in leaves):
        stopped = (leaf.error for leaf in leaves if isinstance(leaf, Stopped))
        told = ended or next((one for one in stopped if one is not None), error)
        return told if told is error else told.with_traceback(error.__traceback__)
    if isinstance(error, BaseExceptionGroup):
        return _with_told(error, ended)
    cause = error.__cause__
    if ended is not None and cause is not None and type(error).__name__ == "TrioInternalError":
        # a signal has ended trio's own wait
        told = as_told(cause, ended)
        return told if told is ended else error
    return error


def _with_told(
    group: BaseExceptionGroup[BaseException], ended: BaseException | None
) -> BaseException:
    """A group in which what was told stands once, in the place of what has ended its parts."""
    told: list[BaseException] = []
    for one in group.exceptions:
        new = as_told(one, ended)
        if not any(new is seen for seen in told):
            told.append(new)
    return BaseExceptionGroup(group.message, told).with_traceback(group.__traceback__)


def _leaves(error: BaseException) -> Iterable[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
