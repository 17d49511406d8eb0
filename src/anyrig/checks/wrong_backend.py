"""Wrong backend: a test runs on another backend than the one it names.

Problem: anyio's runner is one for the process and is not asked which backend it is of; while a
fixture of wider scope leases one, a "trio" test can run on asyncio.
Approach: the test's function is wrapped for the one call, and the first thing that runs in it
compares the backend that is running with the one that ``anyio_backend`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from types import CodeType
from typing import Any, NamedTuple

from ..backends import Backend
from ..findings import Finding, Kind, Origin, Place
from ..origins import Origins

kind = Kind.WRONG_BACKEND

TestFunction = Callable[..., Coroutine[Any, Any, Any]]


def framed(
    function: TestFunction,
    compare: Callable[[], None],
    begin: Callable[[], None],
    end: Callable[[], None],
) -> TestFunction:
    """The test's function: ``compare`` before it is called, the other two around its body."""

    async def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        compare()
        body = function(*args, **kwargs)
        begin()
        try:
            return await body
        finally:
            end()

    run.__wrapped__ = function  # type: ignore[attr-defined]
    return run


async def _nothing() -> None:
    """No test at all."""


# of what stands in the place of a test's function for its call
CODE = framed(_nothing, int, int, int).__code__  # type: ignore[arg-type]


class Keeper(NamedTuple):
    """The wider fixture that keeps anyio's runner: its name, its scope, where it is defined.

    ``follows`` says whether it takes ``anyio_backend``; ``own`` is where a project defines an
    ``anyio_backend`` of its own, and ``is_own_as_wide`` whether the fixture may take that.
    """

    name: str
    scope: str
    place: Origin | None
    follows: bool
    own: Origin | None
    is_own_as_wide: bool = True


def finding(
    origins: Origins,
    place: Place,
    body: CodeType | None,
    named: Backend,
    running: str,
    other: tuple[str, tuple[str, ...]] | None = None,
    keeper: Keeper | None = None,
) -> Finding:
    """The finding in words; ``body`` is the code of the test.

    ``other`` is who runs the test, where anyio's plugin does not, and what to type so that it does;
    ``keeper`` is the fixture that had started the other runner.
    """
    if other is not None:
        details = (f"{other[0]} runs it, in an event loop of its own",)
        mend = (*other[1], f'or have it there alone: @pytest.mark.anyrig(backends=["{running}"])')
    else:
        whose = "an async fixture of wider scope" if keeper is None else _named(keeper)
        detail = (
            f"{whose} had started anyio's runner on {running}, and anyio has one runner at a time"
        )
        details, mend = (detail,), tuple(_mend(keeper))
    return Finding(
        kind=kind,
        place=place,
        origin=origins.definition(body) if body is not None else None,
        what=f"a test for {named.name}",
        summary=f"this test names {named.name} and runs on {running}",
        details=details,
        mend=mend,
    )


def _named(keeper: Keeper) -> str:
    place = "" if keeper.place is None else f", {keeper.place}"
    return f"the fixture `{keeper.name}` ({keeper.scope} scope{place})"


def _mend(keeper: Keeper | None) -> Iterator[str]:
    if keeper is not None and not keeper.follows:
        whose = "" if keeper.is_own_as_wide else f", and that the scope {keeper.scope!r}"
        yield f"give `{keeper.name}` the argument `anyio_backend`{whose}: each backend has its own"
    elif keeper is None or keeper.own is not None:
        yield (
            "give `anyio_backend` the scope of the widest async fixture, so that both follow "
            "the same parameter, or make that fixture narrower"
        )
    if keeper is not None and (keeper.own is not None or keeper.follows):
        if keeper.own is not None:
            yield f"or take the `anyio_backend` at {keeper.own} away: both follow anyrig's own"
        else:
            yield "let both follow one parameter of anyrig's own `anyio_backend`"
        if keeper.scope in ("session", "package"):
            yield "which is as wide where the settings say so:"
            yield f'    anyrig_backend_scope = "{keeper.scope}"'
