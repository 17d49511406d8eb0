"""`service`: a fixture made of an ordinary async function that runs beside the tests."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, overload

import pytest

from .annotations import signature
from .findings import FindingError
from .own import inspect
from .rig import RIG
from .who_runs import SERVICE

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Scope = Literal["function", "class", "module", "package", "session"]
_OURS = ("request", "anyio_backend")
_NOT_STARTED = """the service {place} ended before it called task_status.started()

mend:   task_status.started(value)
        when it is ready, and go on from there until it is cancelled"""


# mypy finds the type in ``TaskStatus[...]`` where the number of the other parameters is given
class _With0(Protocol[T_co]):
    def __call__(self, *, task_status: TaskStatus[T_co]) -> Awaitable[object]: ...


class _With1(Protocol[T_co]):
    def __call__(self, a: Any, /, *, task_status: TaskStatus[T_co]) -> Awaitable[object]: ...


class _With2(Protocol[T_co]):
    def __call__(
        self, a: Any, b: Any, /, *, task_status: TaskStatus[T_co]
    ) -> Awaitable[object]: ...


class _With3(Protocol[T_co]):
    def __call__(
        self, a: Any, b: Any, c: Any, /, *, task_status: TaskStatus[T_co]
    ) -> Awaitable[object]: ...


class _With4(Protocol[T_co]):
    def __call__(
        self, a: Any, b: Any, c: Any, d: Any, /, *, task_status: TaskStatus[T_co]
    ) -> Awaitable[object]: ...


class _With5(Protocol[T_co]):
    def __call__(
        self, a: Any, b: Any, c: Any, d: Any, e: Any, /, *, task_status: TaskStatus[T_co]
    ) -> Awaitable[object]: ...


class Service(Generic[T]):
    """What `service` makes: a pytest fixture whose value is of this type."""


class Decorator(Protocol):
    """What makes a service of an async function that takes ``task_status`` by its name."""

    @overload
    def __call__(self, function: _With0[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With1[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With2[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With3[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With4[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With5[T], /) -> Service[T]: ...


class Maker(Decorator, Protocol):
    """A `Decorator`; with options, it makes another."""

    @overload
    def __call__(self, function: _With0[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With1[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With2[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With3[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With4[T], /) -> Service[T]: ...
    @overload
    def __call__(self, function: _With5[T], /) -> Service[T]: ...
    @overload
    def __call__(
        self,
        *,
        scope: Scope = "function",
        params: Iterable[object] | None = None,
        autouse: bool = False,
        ids: Sequence[object | None] | Callable[[Any], object | None] | None = None,
        name: str | None = None,
    ) -> Decorator: ...


if TYPE_CHECKING:
    service: Maker
else:

    def service(function: Any = None, /, **options: Any) -> Any:
        """A fixture out of an async function that runs beside the tests, in a task of its own.

        The function takes ``task_status``, and fixtures (or other services) by their names. It
        is started before the first test that asks for it; what it hands to
        ``task_status.started(value)`` is the fixture's value. At the end of its scope it is
        cancelled and joined, within ``anyrig_cancel_timeout`` seconds. The options are those of
        `pytest.fixture`.

        Where it crashes, the test that is running fails with its error, and the next test that
        asks for it gets a new one. Raises ``TypeError`` for what is no async function with
        ``task_status``.
        """
        if function is None:
            return functools.partial(_made, options)
        return _made(options, function)


def _made(options: dict[str, Any], function: Any) -> Any:
    parameters = list(signature(function).parameters.values())
    # a method's own is pytest's to bind; all else is given by name
    own = [one for one in parameters[:1] if one.name == "self"]
    names = [parameter.name for parameter in parameters[len(own) :]]
    if not inspect.iscoroutinefunction(function) or "task_status" not in names:
        raise TypeError(
            f"@anyrig.service wants an `async def` that takes task_status; {_place(function)} is "
            + ("none" if not inspect.iscoroutinefunction(function) else "without task_status")
        )

    async def fixture(*own: Any, **values: Any) -> AsyncGenerator[Any]:
        from .own import anyio
        from .tasks.group import Status

        arguments = {name: values[name] for name in names if name != "task_status"}
        failed: list[Exception] = []

        async def run(*, task_status: TaskStatus[Any]) -> None:
            status = Status(task_status)
            try:
                await function(*own, **arguments, task_status=status)
            except Exception as error:
                failed.append(error)
                raise
            if not status.is_started:
                raise FindingError(_NOT_STARTED.format(place=_place(function)))

        async with values["request"].config.stash[RIG].open_group() as group:
            try:
                started = await group.start(run, name=function.__name__)
            except anyio.get_cancelled_exc_class():
                if failed:
                    raise failed[0]  # noqa: B904 - anyio loses it where its start is cut off
                raise
            yield started

    asked = [*(name for name in names if name != "task_status"), *_OURS]
    keyword = inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter(name, keyword) for name in dict.fromkeys(asked)]
    fixture.__name__, fixture.__qualname__ = function.__name__, function.__qualname__
    fixture.__doc__, fixture.__module__ = function.__doc__, function.__module__
    asking = inspect.Signature([*own, *given])
    vars(fixture).update({"__signature__": asking, SERVICE: function})
    return pytest.fixture(**options)(fixture)


def _place(function: Any) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", repr(function))
    return f"`{name}`" if code is None else f"`{name}` ({code.co_filename}:{code.co_firstlineno})"
