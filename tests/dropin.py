"""CPython's own tests of AsyncMock and autospec, run against our doubles: ``python dropin.py``.

The test modules of the running Python are imported as they are; then the names that they have
from ``unittest.mock`` are replaced by faces of the same signature over `anyrig.mocks`. Where ours
has nothing of the kind (a mock without a spec that is not async, a list as a spec), a face gives
the stock mock. Written to the standard output, as JSON: the tests that ran, and how each that
failed did (``-v``: with tracebacks, to the standard error).

A stock autospec of a class has its objects' attributes: their methods take no ``self``. Ours has
those of the class. With ``--objects`` ours has those of its objects, too, so that this is not all
that most tests of autospec tell.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import sys
import traceback
import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from anyrig import mocks as am
from anyrig.mocks.doubles import double_of
from anyrig.mocks.ledger import Ledger
from anyrig.mocks.nature import OPEN_ASYNC, Nature, of, of_instance

PACKAGES = ("test.test_unittest.testmock", "unittest.test.testmock")  # from 3.12 on, and 3.11
MODULES = ("testasync", "testhelpers")


# -- faces -----------------------------------------------------------------------------------------


class _AsStock(type):
    """A face whose instances are those of the stock class."""

    stock: type

    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, cls.stock)

    def __call__(cls, spec: Any = None, **options: Any) -> Any:
        spec = options.pop("spec", None) or options.pop("spec_set", None) or spec
        if spec is None and cls.stock is mock.AsyncMock:
            return double_of(OPEN_ASYNC, options.pop("name", "mock"), Ledger(), options)
        if spec is None or isinstance(spec, list):
            return cls.stock(spec, **options)
        return double_like(spec, options)


class AsyncMock(metaclass=_AsStock):
    """Ours without a spec is an async function; with one, what the spec is."""

    stock = mock.AsyncMock


class MagicMock(metaclass=_AsStock):
    """Ours, where there is a spec."""

    stock = mock.MagicMock


class Mock(metaclass=_AsStock):
    """Ours, where there is a spec."""

    stock = mock.Mock


def double_like(spec: Any, options: dict[str, Any], *, instance: bool = True) -> Any:
    """A double; of a class, or of an object of it."""
    made = of_instance(spec) if isinstance(spec, type) and instance else of(spec)
    # `of` takes a constant for itself, and a stock autospec of an int is a mock of one
    nature = made if isinstance(made, Nature) else of_instance(type(spec), spec)
    if isinstance(spec, type) and not instance and "--objects" in sys.argv:
        nature = replace(nature, is_instance=True, returns=spec)
    return double_of(nature, options.pop("name", "mock"), Ledger(), options)


def create_autospec(
    spec: Any, spec_set: bool = False, instance: bool = False, **options: Any
) -> Any:
    """Ours of a class, or of its object; the same with and without ``spec_set``."""
    return double_like(spec, options, instance=instance)


class _Patching:
    """A stock patch's face: a context, a decorator that hands on what it placed, start and stop."""

    def __init__(self, replacing: AbstractContextManager[Any], *, gives: bool) -> None:
        self._replacing = replacing
        self.gives = gives

    def __enter__(self) -> Any:
        return self._replacing.__enter__()

    def __exit__(self, *exc: Any) -> None:  # noqa: PYI036 - handed on as it came
        self._replacing.__exit__(*exc)

    start = __enter__

    def stop(self) -> None:
        self.__exit__(None, None, None)

    def __call__(self, function: Any) -> Any:
        if hasattr(function, "patchings"):
            function.patchings.append(self)
            return function
        patchings: list[_Patching] = [self]

        @functools.wraps(function)
        def patched(*args: Any) -> Any:
            with ExitStack() as stack:
                return function(*args, *_placed(stack, patchings))

        @functools.wraps(function)
        async def patched_to_its_end(*args: Any) -> Any:
            with ExitStack() as stack:
                return await function(*args, *_placed(stack, patchings))

        wrapper: Any = patched_to_its_end if inspect.iscoroutinefunction(function) else patched
        wrapper.patchings = patchings
        return wrapper


def _placed(stack: ExitStack, patchings: list[_Patching]) -> list[Any]:
    made = [(one, stack.enter_context(one)) for one in patchings]
    return [double for one, double in made if one.gives]


def _patching(
    stock: Callable[..., Any],
    ours: Callable[..., Any],
    where: tuple[Any, ...],
    new: Any,
    options: dict[str, Any],
) -> Any:
    if new is not mock.DEFAULT or "new_callable" in options:
        return stock(*where, new, **options)
    given = [options.pop(name, None) for name in ("spec", "spec_set", "autospec")]
    for spec in given:
        if spec is not None and spec is not True:
            double = double_like(spec, options, instance=False)
            return _Patching(ours(*where, double), gives=True)
    return _Patching(ours(*where, **options), gives=True)


def patch(target: str, new: Any = mock.DEFAULT, **options: Any) -> Any:
    """Ours, where the double is to be made; the spec is what stands there, if it is True."""
    return _patching(mock.patch, am.patch, (target,), new, options)


def _patch_object(owner: Any, name: str, new: Any = mock.DEFAULT, **options: Any) -> Any:
    return _patching(mock.patch.object, am.patch.object, (owner, name), new, options)


def _patch_dict(target: Any, values: Any = (), **options: Any) -> Any:
    return am.patch.dict(target, values, **options)


patch.object = _patch_object  # type: ignore[attr-defined]
patch.dict = _patch_dict  # type: ignore[attr-defined]

FACES = {
    "AsyncMock": AsyncMock,
    "MagicMock": MagicMock,
    "Mock": Mock,
    "create_autospec": create_autospec,
    "patch": patch,
}


# -- the run ---------------------------------------------------------------------------------------


class _Result(unittest.TestResult):
    """Keeps which tests ran, and the last line of what each that failed did."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []
        self.failed: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().startTest(test)
        self.ran.append(_name(test))

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._failed(test, err)

    addFailure = addError  # noqa: N815

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._failed(test, err)

    def _failed(self, test: unittest.TestCase, err: Any) -> None:
        line = f"{err[0].__name__}: {err[1]}".partition("\n")[0]
        self.failed.setdefault(_name(test), line)
        if "-v" in sys.argv:
            sys.stderr.write("".join(traceback.format_exception(*err)))


def _name(test: unittest.TestCase) -> str:
    return test.id().partition(".testmock.")[2] or test.id()


def find() -> str | None:
    """The package of CPython's tests of mock; None where this Python came without it."""
    for package in PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError:
            continue
        return package
    return None


def main() -> None:
    """Run them, and write what happened."""
    package = find()
    result = _Result()
    for name in MODULES if package else ():
        module = importlib.import_module(f"{package}.{name}")
        vars(module).update({face: FACES[face] for face in FACES if hasattr(module, face)})
        unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    told = {"package": package, "ran": result.ran, "failed": result.failed}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
