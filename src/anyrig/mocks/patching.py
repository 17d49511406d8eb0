"""`patch`: doubles in the place of real things, and the order in which they are undone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import FrameType, ModuleType, TracebackType
from typing import Any, NoReturn, TypeVar, cast, overload
from unittest import mock

from ..findings import MockError
from ..own import inspect, sys
from . import doubles, mistakes, targets
from .bound import Bound
from .ledger import Call, Ledger, caller
from .nature import of_attribute
from .unused import Told, Unused

__tracebackhide__ = True  # a traceback ends at the line of the user's

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Patch:
    """``patch``, ``patch.object`` and ``patch.dict``: each for a ``with``, or as a decorator.

    What stands at the target says what the double is: a class there gives a double of the class,
    whose call gives the double of an object. In a class, a method's double takes no ``self``.
    """

    def __call__(self, target: str, new: Any = mock.DEFAULT, **options: Any) -> Replacing:
        """Put a double (or ``new``) in the place of ``"module.name"``."""
        by = _caller()

        def replace() -> AbstractContextManager[Any]:
            owner, name = targets.resolve(target)
            how = f'patch("{target.rpartition(".")[0]}.{{}}")'
            return _replace(owner, name, new, options, by.module, how)

        return Replacing(replace, by)

    def object(self, owner: Any, name: str, new: Any = mock.DEFAULT, **options: Any) -> Replacing:
        """Put a double (or ``new``) in the place of an attribute."""
        by = _caller()
        how = f'patch.object({getattr(owner, "__name__", "...")}, "{{}}")'
        return Replacing(lambda: _replace(owner, name, new, options, by.module, how), by)

    def dict(
        self,
        target: Any,
        values: Mapping[Any, Any] | None = None,
        *,
        clear: bool = False,
        **more: Any,
    ) -> Replacing:
        """Change a dict, or what acts like one."""
        changed = {**(values or {}), **more}

        def change() -> AbstractContextManager[Any]:
            found = targets.find(target) if isinstance(target, str) else target
            return mock.patch.dict(found, changed, clear=clear)

        return Replacing(change, _caller())


class Replacing:
    """What stands while a ``with`` lasts, or the call of a function that it decorates."""

    def __init__(self, start: Callable[[], AbstractContextManager[Any]], by: _Line) -> None:
        self._start = start
        self._by = by
        self._open: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> Any:
        replacing = self._start()
        placed = replacing.__enter__()
        self._open.append(replacing)
        return placed

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.pop().__exit__(exc_type, exc, traceback)

    def __call__(self, function: F) -> F:
        """A function that runs with the double in place; it is given nothing more."""

        @functools.wraps(function)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            with self._decorating():
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def replaced_to_its_end(*args: Any, **kwargs: Any) -> Any:
            with self._decorating():
                return await function(*args, **kwargs)

        is_async = inspect.iscoroutinefunction(function)
        return cast(F, replaced_to_its_end if is_async else replaced)

    def _decorating(self) -> AbstractContextManager[Any]:
        stack = ExitStack()
        try:
            self.__enter__()
        except MockError as error:
            self._by.throw(error)
        stack.push(self)
        return stack


def _replace(
    owner: Any, name: str, new: Any, options: dict[str, Any], by: str | None, how: str
) -> AbstractContextManager[Any]:
    if "create" in options and not hasattr(owner, name):
        raise mistakes.error(
            f"`{name}` is not there, and a double is made from what is",
            targets.new_attribute(owner, name),
        )
    targets.check_there(owner, name, how)
    if new is mock.DEFAULT:
        new = _double_at(owner, name, **options)
    elif options:
        raise MockError(f"`{name}`: `new` stands there as it is, without {', '.join(options)}")
    if isinstance(owner, ModuleType):
        doubles.note_replaced(new, targets.Replaced(owner, name, getattr(owner, name), by, new))
        return Bound(mock.patch.object(owner, name, new), owner, name, new)
    return mock.patch.object(owner, name, new)


@dataclass(frozen=True, slots=True)
class _Line:
    """Where somebody patches: the module may hold what it patches."""

    module: str | None
    filename: str
    lineno: int

    def throw(self, error: BaseException) -> NoReturn:
        """Raise an error as if it were by this line: a decorator's is in no traceback."""
        code = compile("raise error", self.filename, "exec").replace(co_firstlineno=self.lineno)
        exec(code, {"error": error.with_traceback(None)})
        raise error


def _caller() -> _Line:
    frame: FrameType = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return _Line(frame.f_globals.get("__name__"), frame.f_code.co_filename, frame.f_lineno)


def _double_at(
    owner: Any, name: str, *, checkpoint: bool = True, delay: float = 0,
    awaits_arguments: bool | None = None, **attributes: Any,
) -> Any:  # fmt: skip
    ledger = Ledger(checkpoint=checkpoint, delay=delay)
    real = getattr(owner, name)
    nature = doubles.nature_behind(real) or of_attribute(owner, name)
    mistakes.check_options(nature, name, attributes)
    return doubles.double_of(nature, name, ledger, attributes, awaits_arguments)


patch = Patch()


class _Placed:
    """The ``patch`` of `Mocks`: a call puts the double there at once and gives it."""

    def __init__(self, enter: Callable[[Replacing], Any]) -> None:
        self._enter = enter

    def __call__(self, target: str, new: Any = mock.DEFAULT, **options: Any) -> Any:
        """Put a double (or ``new``) in the place of ``"module.name"`` until the test ends."""
        return self._enter(patch(target, new, **options))

    def object(self, owner: Any, name: str, new: Any = mock.DEFAULT, **options: Any) -> Any:
        """Put a double (or ``new``) in the place of an attribute until the test ends."""
        return self._enter(patch.object(owner, name, new, **options))

    def dict(
        self,
        target: Any,
        values: Mapping[Any, Any] | None = None,
        *,
        clear: bool = False,
        **more: Any,
    ) -> Any:
        """Change a dict, or what acts like one, until the test ends."""
        return self._enter(patch.dict(target, values, clear=clear, **more))


class Mocks:
    """What the fixture ``mocks`` is: `anyrig.mocks` for one test, undone at its end, last first."""

    ANY = mock.ANY
    call = mock.call
    of = staticmethod(doubles.of)
    calls = staticmethod(doubles.calls)

    def __init__(self, *, notes_lines: bool = False) -> None:
        self._undo = ExitStack()
        self._doubles: list[Any] = []
        self._told = Told() if notes_lines else None
        self.patch = _Placed(self._place)

    @overload
    def create(self, spec: type[T], /, **options: Any) -> T: ...
    @overload
    def create(self, spec: doubles.AnyClass[T], /, **options: Any) -> T: ...
    @overload
    def create(self, spec: T, /, **options: Any) -> T: ...
    def create(self, spec: Any, /, **options: Any) -> Any:
        """As `anyrig.mocks.create`."""
        return self._kept(doubles.create(spec, **options))

    def stub(self, name: str, /, **options: Any) -> Any:
        """As `anyrig.mocks.stub`."""
        return self._kept(doubles.stub(name, **options), is_stub=True)

    def adapt(self, mock: T, /, **options: Any) -> T:
        """As `anyrig.mocks.adapt`."""
        return self._kept(doubles.adapt(mock, **options))

    def assert_all_awaited(self) -> None:
        """Raise ``AssertionError`` where a call of any of these doubles was not awaited."""
        Ledger().check(self._calls())

    def assert_no_pending(self) -> None:
        """Raise ``AssertionError`` where a call is not awaited yet, or has not come to its end."""
        Ledger().check_ended(self._calls())

    def unused(self) -> list[Unused]:
        """What doubles were told and nobody asked for; nothing where no lines are noted."""
        return [] if self._told is None else list(self._told.unused(self._doubles))

    def close(self) -> None:
        """Undo all patches, last first."""
        self._undo.close()

    def _place(self, replacing: Replacing) -> Any:
        placed = replacing.__enter__()  # by hand: a frame of `enter_context` ends no traceback
        self._undo.push(replacing)
        return self._kept(placed)

    def _kept(self, double: T, *, is_stub: bool = False) -> T:
        self._doubles.append(double)
        if self._told is not None:
            self._told.made(double, caller(), is_stub=is_stub)
        return double

    def _calls(self) -> list[Call]:
        ours = filter(doubles.is_double, self._doubles)
        return [call for double in ours for call in doubles.calls(double)]
