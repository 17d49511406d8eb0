"""The questions about backends, asked without pytest."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from anyrig import own
from anyrig.backends import BACKENDS, DEFAULT, backend_of, running_library, running_name

CAN_RUN = [backend for backend in BACKENDS.values() if backend.missing() is None]


def _run(value: Any, function: Any) -> Any:
    library, options = value if isinstance(value, tuple) else (value, {})
    return anyio.run(function, backend=library, backend_options=options)


async def _asks() -> tuple[str, list[str]]:
    return running_name(), [name for name, backend in BACKENDS.items() if backend.is_running()]


@pytest.mark.parametrize("backend", CAN_RUN, ids=[backend.name for backend in CAN_RUN])
def test_backend_that_runs_knows_itself(backend: Any) -> None:
    """What anyio runs for a backend's value is that backend, by the name that is most telling."""
    name, running = _run(backend.anyio_value(), _asks)
    assert name == backend.name
    assert backend.name in running
    assert set(running) <= {backend.name, backend.library}


@pytest.mark.parametrize("backend", list(BACKENDS.values()), ids=list(BACKENDS))
def test_value_names_its_backend(backend: Any) -> None:
    """The value of the fixture and the backend that it names are one to one."""
    assert backend_of(backend.anyio_value()) is backend


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (("asyncio", {}), "asyncio"),
        (("asyncio", {"debug": True}), "asyncio"),
        (("asyncio", {"use_uvloop": False}), "asyncio"),
        (("asyncio", {"use_uvloop": True, "debug": True}), "asyncio+uvloop"),
        (("trio", {"restrict_keyboard_interrupt_to_checkpoints": True}), "trio"),
        ("curio", None),
        (None, None),
        (3, None),
        (("asyncio",), None),
        (["asyncio", {}], None),
    ],
)
def test_backend_of_a_projects_own_value(value: object, name: str | None) -> None:
    """A project's own value is told by its library and its options; what is none names none."""
    backend = backend_of(value)
    assert (None if backend is None else backend.name) == name


def test_values_are_not_shared() -> None:
    """A test that changes its backend's options does not change another test's."""
    first = BACKENDS["asyncio+uvloop"].anyio_value()
    assert isinstance(first, tuple)
    first[1]["debug"] = True
    assert BACKENDS["asyncio+uvloop"].anyio_value() == ("asyncio", {"use_uvloop": True})


def test_default_backends_need_nothing() -> None:
    """What runs by default is there with anyrig's own dependencies."""
    assert [BACKENDS[name].missing() for name in DEFAULT] == [None, None]


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be installed is told as a command to type."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert BACKENDS["asyncio+uvloop"].missing() == (
        "the package uvloop (pip install 'anyrig[uvloop]')"
    )
    assert BACKENDS["asyncio"].missing() is None


def test_missing_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that needs a newer Python says which."""
    monkeypatch.setitem(vars(own.sys), "version_info", (3, 11, 9))
    assert BACKENDS["asyncio+eager"].missing() == "Python 3.12 or newer"


def test_nothing_runs_outside() -> None:
    """Outside of every loop nothing is running."""
    assert running_library() == "none"
    assert running_name() == "none"
    assert not any(backend.is_running() for backend in BACKENDS.values())


def test_own_event_loop_is_asyncio() -> None:
    """A loop that a test runs by itself is asyncio's."""
    assert asyncio.run(_asks()) == ("asyncio", ["asyncio"])
