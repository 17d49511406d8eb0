"""What the public names promise to a type checker; checked by mypy and pyright, never run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, assert_type

from anyio.abc import TaskStatus

import anyrig
from anyrig import (
    CancelledByFixture,
    Finding,
    FindingError,
    Kind,
    MissedAwaitError,
    NeverRanError,
    Origin,
    Policy,
    Service,
    TaskDidNotEnd,
    UnusedAllowanceError,
    WrongBackendError,
    WrongThreadError,
    allow,
    service,
    task_tree,
)
from anyrig.mocks import Mocks, calls, create, of


def allowance() -> None:
    """The block binds nothing, lets exceptions through, and takes any number of kinds."""
    with anyrig.allow("missed_await", "never_ran") as bound:
        assert_type(bound, None)
    assert_type(allow("missed_await"), allow)


def returns_from_the_block() -> int:
    """A checker knows that the block swallows no exception: what follows it needs no return."""
    with allow("missed_await"):
        return 1


def errors(error: FindingError) -> None:
    """Each error is a ``FindingError``, and carries its findings."""
    assert_type(error.findings, tuple[Finding, ...])
    kinds: list[type[FindingError]] = [
        MissedAwaitError,
        NeverRanError,
        WrongBackendError,
        WrongThreadError,
        UnusedAllowanceError,
        CancelledByFixture,
        TaskDidNotEnd,
    ]
    raised: Exception = kinds[0]("text")
    assert_type(raised.args, tuple[Any, ...])


def finding(one: Finding) -> None:
    """A finding is made of plain, frozen values."""
    assert_type(one.kind, Kind)
    assert_type(one.policy, Policy)
    assert_type(one.origin, Origin | None)
    assert_type(one.details, tuple[str, ...])
    assert_type(one.mend, tuple[str, ...])
    assert_type(one.permitted, str | None)
    assert_type(one.is_failing, bool)
    assert_type(one.to_json(), dict[str, Any])
    assert_type(Finding.from_json(one.to_json()), Finding)
    assert_type(str(one.origin), str)


@service
async def plain(*, task_status: TaskStatus[int]) -> None:
    """A service without options."""
    task_status.started(1)


@service(scope="module", name="other")
async def with_options(plain: int, *, task_status: TaskStatus[list[str]]) -> None:
    """A service with options, that asks for another."""
    task_status.started([str(plain)])


def services() -> None:
    """A service knows the type of its value; what is none is refused."""
    assert_type(plain, Service[int])
    assert_type(with_options, Service[list[str]])
    service(lambda: None)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert_type(task_tree(), str)


class Store:
    """What doubles stand for."""

    async def save(self, name: str) -> int:
        """Save it."""
        return 1


class Named(Protocol):
    """A Protocol, to be doubled."""

    async def name(self) -> str: ...


class Closing(ABC):
    """An abstract class, to be doubled."""

    @abstractmethod
    async def close(self) -> int: ...


class Sized:
    """An object that can be called is no class of what its call gives."""

    def __call__(self, name: str) -> int:
        return len(name)


async def doubles_of_what_nobody_can_make(mocks: Mocks) -> None:
    """A Protocol and an abstract class are specs for objects, as any class is."""
    assert_type(create(Named), Named)
    assert_type(mocks.create(Named), Named)
    assert_type(await create(Closing, checkpoint=False).close(), int)
    assert_type(mocks.create(Closing), Closing)
    assert_type(create(Sized()), Sized)
    assert_type(await create(connect)("url"), bytes)


async def connect(url: str) -> bytes:
    """A function, to be doubled."""
    return url.encode()


async def doubles(mocks: Mocks) -> None:
    """A double is what it stands for; its mock face is reached through ``of``."""
    assert_type(create(Store), Store)
    assert_type(mocks.create(Store), Store)
    assert_type(create(Store()), Store)
    assert_type(await create(Store).save("a"), int)
    of(create(Store).save).assert_awaited_once_with("a")
    assert_type(calls(create(Store))[0].awaited, bool)
    create(Store).sav("a")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def words() -> None:
    """The closed choices are enums whose values are the words of settings and reports."""
    assert_type(Kind.MISSED_AWAIT.marker_word, str)
    assert_type(Kind.MISSED_AWAIT.setting, str)
    assert_type(anyrig.__version__, str)
