"""What doubles were told to give, and nobody asked for.

Problem: a test that outlives the code it was written for goes on saying what is never called.
Approach: at the test's end, each double that was told something says whether it was called, and
the iterator that stands for a list of values how many of them are left.
Limits: what a generator has left is not known. A double that was told None, and one whose return
value is a stock mock without a name, look as if nobody had told them anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple

from ..origins import RawFrame
from ..seams import doubles as seam
from ..seams.unittest_mock import mock_name, short
from .ledger import NotGiven, frames_of

_SHOWN = 5  # values


class Unused(NamedTuple):
    """A double of which something is left: all of it where ``total`` is None.

    ``frames`` are those of who told it so, or made it; innermost first.
    """

    name: str
    frames: tuple[RawFrame, ...]
    total: int | None = None
    left: tuple[Any, ...] = ()

    @property
    def values(self) -> str:
        """The values that are left, the first of them."""
        more = ", ..." if len(self.left) > _SHOWN else ""
        return f"[{', '.join(map(short, self.left[:_SHOWN]))}{more}]"


class Told:
    """The doubles of one test, and where each was made or was told what to give."""

    def __init__(self) -> None:
        # the id of a double -> the frames, as `ledger.caller` gives them
        self.lines: dict[int, tuple[CodeType | int, ...]] = {}
        self._stubs: set[int] = set()

    def made(self, double: Any, caller: tuple[CodeType | int, ...], *, is_stub: bool) -> None:
        """A double was made; what it is told from now on is noted, too."""
        spec = seam.spec_of(double)
        if spec is None:
            return
        ledger: Any = spec.family
        ledger.lines = self.lines
        mock = seam.behind(double)
        self.lines[id(mock)] = caller
        if is_stub:
            self._stubs.add(id(mock))

    def unused(self, doubles: Iterable[Any]) -> Iterator[Unused]:
        """Those of which something is left; each once."""
        seen: set[int] = set()
        for double in doubles:
            made = self.lines.get(id(seam.behind(double)), ())
            for mock in seam.told_below(double):
                if id(mock) in seen:
                    continue
                seen.add(id(mock))
                found = self._unused(mock, self.lines.get(id(mock), made))
                if found is not None:
                    yield found

    def _unused(self, mock: Any, line: tuple[CodeType | int, ...]) -> Unused | None:
        name, frames = mock_name(mock), frames_of(line)
        if not seam.was_called(mock):
            is_told = id(mock) in self._stubs or _is_told(mock)
            return Unused(name, frames) if is_told else None
        values, index = _values(mock.side_effect)
        left = tuple(values[index:])
        return Unused(name, frames, len(values), left) if left else None


def _is_told(mock: Any) -> bool:
    if mock.side_effect is not None:
        return True
    value = seam.given_result(mock)
    return value is not None and not isinstance(value, NotGiven)


def _values(effect: Any) -> tuple[Sequence[Any], int]:
    """The values of a list or tuple that an iterator goes through, and how many it has given."""
    if type(effect) not in (type(iter([])), type(iter(()))):
        return (), 0
    _, (values, *_), *index = effect.__reduce__()  # by which it can be copied and pickled
    return values, index[0] if index else 0
