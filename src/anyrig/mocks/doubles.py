"""`create`, `stub`, `adapt` and `of`: doubles of real things, and the mock behind a double."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, overload
from unittest.mock import MagicMock

from ..findings import MockError
from ..seams import doubles as seam
from ..seams.doubles import Spec, make, records_below, spec_of
from . import mistakes, targets
from .awaiting import target_of
from .ledger import Call, Ledger
from .nature import OPEN_ASYNC, AnyNature, Nature, of_instance
from .nature import of as nature_of

__tracebackhide__ = True  # a traceback ends at the line of the user's

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class AnyClass(Protocol[T_co]):
    """A class of T for a type checker, also where that is a Protocol or abstract.

    Such a one is no ``type[T]`` to mypy, as nobody can make an object of it; but it is called as
    a class is, and has what every class has and no function or object.
    """

    @property
    def __mro__(self) -> tuple[type, ...]:
        """What tells it from whatever else can be called."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> T_co:
        """An object of it."""
        raise NotImplementedError


@overload
def create(
    spec: type[T], /, *, name: str | None = ..., checkpoint: bool = ..., delay: float = ...,
    awaits_arguments: bool | None = ..., **attributes: Any,
) -> T: ...  # fmt: skip
@overload
def create(
    spec: AnyClass[T], /, *, name: str | None = ..., checkpoint: bool = ..., delay: float = ...,
    awaits_arguments: bool | None = ..., **attributes: Any,
) -> T: ...  # fmt: skip
@overload
def create(
    spec: T, /, *, name: str | None = ..., checkpoint: bool = ..., delay: float = ...,
    awaits_arguments: bool | None = ..., **attributes: Any,
) -> T: ...  # fmt: skip
def create(
    spec: Any, /, *, name: str | None = None, checkpoint: bool = True, delay: float = 0,
    awaits_arguments: bool | None = None, **attributes: Any,
) -> Any:  # fmt: skip
    """A double of an object of a class, or of the very function or object that is given.

    Each attribute of it is async or sync, and takes the arguments, as the real one. An awaited
    call passes a checkpoint, or takes ``delay`` seconds; ``checkpoint=False`` has it do neither.
    Coroutines that it is given go to the real function with ``awaits_arguments``, as they do where
    that is one of asyncio's that awaits them; with ``awaits_arguments=False`` it closes them.
    ``attributes`` are set as `unittest.mock`'s ``configure_mock`` does.
    """
    nature: AnyNature | None = nature_behind(spec)
    if nature is None:
        nature = of_instance(spec) if isinstance(spec, type) else nature_of(spec)
    ledger, name = Ledger(checkpoint=checkpoint, delay=delay), name or _name_of(spec)
    mistakes.check_options(nature, name, attributes)
    return double_of(nature, name, ledger, attributes, awaits_arguments)


def stub(
    name: str, /, *, checkpoint: bool = True, delay: float = 0,
    awaits_arguments: bool | None = None, **attributes: Any,
) -> Any:  # fmt: skip
    """An async function that takes any arguments, and gives None or what it is told to.

    With ``awaits_arguments`` it awaits the coroutines that it is given, and gives what they do.
    """
    mistakes.check_keywords(name, attributes, ("checkpoint", "delay", "awaits_arguments"))
    ledger = Ledger(checkpoint=checkpoint, delay=delay)
    return double_of(OPEN_ASYNC, name, ledger, attributes, awaits_arguments)


def adapt(mock: T, /, *, checkpoint: bool = True, delay: float = 0) -> T:
    """A mock that stock `unittest.mock` has made, with the promises of a double; the same object.

    Each call of what is async in it, now or later, is on record and has to be awaited, and an
    awaited one passes a checkpoint or takes ``delay`` seconds, as those of `create`. What is async
    is as it was: a mock without a spec guesses.
    """
    if spec_of(mock) is not None:
        return mock
    if not seam.is_stock(mock):
        raise MockError(
            f"{mock!r} is no mock of unittest.mock's; `create` makes one of a real thing"
        )
    seam.adapt(mock, Ledger(checkpoint=checkpoint, delay=delay))
    return mock


def of(double: object) -> MagicMock:
    """The mock that a double is, for type checkers: ``of(store.save).assert_awaited_once()``."""
    if spec_of(double) is None:
        raise MockError(f"{double!r} is no double of anyrig.mocks")
    return double  # type: ignore[return-value]


def nature_behind(thing: Any) -> Nature | None:
    """What a double of ours was made from; an error for a mock of another make."""
    spec = spec_of(thing)
    if seam.is_stock(thing) or (spec is not None and spec.nature is None):
        raise MockError(f"{thing!r} is a mock already: give the real thing, or `new=...`")
    return spec.nature if spec is not None else None


def is_double(thing: object) -> bool:
    """Whether it is a double of ours."""
    return spec_of(thing) is not None


def note_replaced(double: object, replaced: targets.Replaced) -> None:
    """Have a double of ours know what it was put in the place of."""
    spec = spec_of(double)
    if spec is not None and isinstance(spec.family, Ledger):
        spec.family.replaced = replaced


def calls(double: object) -> list[Call]:
    """The records of the calls of a double's async functions, in their order.

    Those of doubles that were attached to it come last.
    """
    if spec_of(double) is None:
        raise MockError(f"{double!r} is no double of anyrig.mocks")
    return records_below(seam.behind(double))


def double_of(
    nature: AnyNature,
    name: str,
    ledger: Ledger,
    attributes: dict[str, Any],
    awaits: bool | None = None,
) -> Any:
    """A double of a nature; an error where there is nothing to make a double from."""
    if not isinstance(nature, Nature):
        raise MockError(f"`{name}` is no function, class or object to make a double from")
    return make(Spec(nature, ledger, target_of(nature, name, awaits)), name=name, **attributes)


def _name_of(spec: Any) -> str:
    """As an author would call it: a Store is a store."""
    if isinstance(spec, type):
        return spec.__name__.lstrip("_").lower()
    name = getattr(spec, "__name__", None)
    return name if isinstance(name, str) else type(spec).__name__.lower()
