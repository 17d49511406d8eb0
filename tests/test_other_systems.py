"""What is so on Windows, on macOS and on other interpreters, as far as a Linux process can tell."""

from __future__ import annotations

import asyncio
import ntpath
import re
import signal
import socket
import sys
import sysconfig
import threading
from asyncio import proactor_events
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anyrig import seams
from anyrig.clock import descriptors
from anyrig.report.terminal import quoted
from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams import asyncio_time
from anyrig_compat.deprecations import shown_path
from inner import Suite

# -- other interpreters ----------------------------------------------------------------------------

INTERPRETERS = {
    "pypy": "sys.implementation.name = 'pypy'",
    "free-threaded": "sys._is_gil_enabled = lambda: False",
    "free-threaded build": "sys.version = sys.version.replace('(', 'free-threading build (', 1)",
}


@pytest.mark.parametrize("name", INTERPRETERS)
def test_interpreter_that_is_not_supported_is_told_in_one_line(suite: Suite, name: str) -> None:
    """Such a run ends before its first test, with one line that says why and what to type."""
    suite.write("becomes.py", f"import sys\n{INTERPRETERS[name]}\n")
    suite.write("test_it.py", "def test_it():\n    pass\n")
    ran = suite.spawn("-p", "becomes")
    told = [line for line in ran.text.splitlines() if line.startswith("ERROR")]
    why = "this is pypy" if name == "pypy" else "free-threaded builds"
    assert ran.status == pytest.ExitCode.USAGE_ERROR, ran.text
    assert len(told) == 1, ran.text
    assert why in told[0]
    assert "-p no:anyrig" in told[0]
    assert "Traceback" not in ran.text


def test_this_interpreter_is_supported() -> None:
    """CPython's usual build is."""
    assert seams.unsupported() is None
    assert not sysconfig.get_config_var("Py_GIL_DISABLED")
    assert sys.implementation.name == "cpython"


# -- paths and commands ----------------------------------------------------------------------------


def test_command_to_type_is_quoted_as_its_shell_has_it() -> None:
    """cmd.exe knows no single quotes, and a POSIX shell would take the brackets."""
    test = "tests/test_it.py::test_it[asyncio-a b]"
    assert quoted(test, "posix") == f"'{test}'"
    assert quoted(test, "nt") == f'"{test}"'
    assert quoted("test_it.py", "nt") == "test_it.py"


def test_file_on_another_drive_is_named_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no relative path from one drive to another."""
    from anyrig_compat import deprecations

    monkeypatch.setattr(deprecations, "os", SimpleNamespace(path=ntpath, PathLike=object))
    assert shown_path("D:\\lib\\it.py", "C:\\suite") == "D:\\lib\\it.py"
    assert shown_path("C:\\suite\\sub\\it.py", "C:\\suite") == "sub\\it.py"


def test_own_threads_are_known_by_a_path_with_backslashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog's thread is no work of the test's, however the system writes its file's name."""
    from anyrig.seams.cpython import stacks

    path = "C:\\Python\\Lib\\site-packages\\anyrig\\"
    monkeypatch.setattr(stacks, "_OURS", stacks.slashed(path))
    code = compile("", f"{path}watchdog.py", "exec")
    frame = SimpleNamespace(f_code=code, f_back=None, f_locals={}, f_lineno=1)
    assert stacks._doing(frame) is stacks.Doing.NOTHING  # type: ignore[arg-type]


# -- descriptors -----------------------------------------------------------------------------------


@pytest.fixture
def no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose sockets are no descriptors of C's, and that lists nobody's."""

    def fstat(fd: int) -> object:
        raise OSError(9, "Bad file descriptor")

    own: Any = vars(descriptors)["os"]
    names = {"fstat": fstat, "getpid": own.getpid, "path": own.path, "listdir": own.listdir}
    monkeypatch.setattr(descriptors, "os", SimpleNamespace(**names))
    monkeypatch.setattr(descriptors, "_HERE", "Z:/nowhere")


@pytest.mark.usefixtures("no_descriptors")
def test_socket_of_windows_is_asked_as_a_socket() -> None:
    """A connection holds virtual time, a closed one does not, and nothing is closed by us."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert descriptors.other_end(server.fileno()) is None  # somebody may come, or nobody
        with socket.create_connection(server.getsockname()) as client:
            fd = client.fileno()
            first, again = descriptors.identity(fd), descriptors.identity(fd)
            other = descriptors.other_end(fd)
            assert first is not None
            assert first == again
            assert other is not None
            assert not other.is_here  # nobody can tell
            client.sendall(b"still open")
    assert descriptors.identity(fd) is None
    assert descriptors.other_end(fd) is None


# -- Windows' loop ---------------------------------------------------------------------------------


class Proactor:
    """As much of ``IocpProactor`` as a loop needs that reads nothing but what wakes it.

    ``_cache`` has the operations under way, ``select`` gives none of those that have ended.
    """

    def __init__(self) -> None:
        self._cache: dict[int, tuple[Any, ...]] = {}
        self._woken = threading.Event()

    def set_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def recv(self, conn: socket.socket, size: int, flags: int = 0) -> asyncio.Future[bytes]:
        conn.setblocking(False)
        future: Any = self._loop.create_future()
        self._cache[conn.fileno()] = (future, conn, size)
        return future  # type: ignore[no-any-return]

    def select(self, timeout: float | None = None) -> list[object]:
        import select

        if select.select([*self._cache], [], [], timeout)[0]:
            for number in [*self._cache]:
                future, conn, size = self._cache.pop(number)
                if not future.cancelled():
                    future.set_result(conn.recv(size))
        return []

    def close(self) -> None:
        self._cache.clear()


class Loop(proactor_events.BaseProactorEventLoop):
    """As Windows' own: it begins with the wait for what wakes it."""

    def run_forever(self) -> None:
        self.call_soon(self._loop_self_reading)  # type: ignore[attr-defined]
        super().run_forever()

    def close(self) -> None:
        if self._self_reading_future is not None:  # type: ignore[has-type]
            self._self_reading_future.cancel()  # type: ignore[has-type]
            self._self_reading_future = None
        super().close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop with a proactor in place of a selector."""
    before = signal.set_wakeup_fd(-1)
    loop = Loop(Proactor())
    yield loop
    loop.close()
    signal.set_wakeup_fd(before)


def test_proactor_shows_that_it_waits_for_nothing(loop: Loop) -> None:
    """A wait for another thread alone is noted on Windows' loop, too; one for I/O is not."""
    noted: list[bool] = []
    forget, _ = asyncio_seam.around_waits(loop, noted.append)
    went: Future[None] = Future()

    async def main() -> None:
        future = asyncio.wrap_future(went)
        threading.Timer(0.01, went.set_result, [None]).start()
        await future
        loop._selector._cache[-1] = ()  # type: ignore[attr-defined]
        waited = asyncio_seam.waited_for(loop)
        del loop._selector._cache[-1]  # type: ignore[attr-defined]
        assert waited == 1

    loop.run_until_complete(main())
    forget()
    assert noted[:2] == [True, False]
    assert asyncio_seam.idle_descriptor(loop) is None


def test_proactor_has_no_virtual_clock_and_says_what_to_type(loop: Loop) -> None:
    """A proactor does not show whom it waits for: the clock stays as it is, and says so."""
    assert not asyncio_time.can_follow(loop)
    assert "asyncio.SelectorEventLoop" in asyncio_time.why_not(loop)


def test_windows_own_proactor_has__cache() -> None:
    """What is asked here is what CPython's source has for Windows."""
    text = Path(asyncio.__file__).with_name("windows_events.py").read_text(encoding="utf-8")
    assert "self._cache[ov.address] = (f, ov, obj, callback)" in text
    assert "self._selector = proactor" in Path(proactor_events.__file__).read_text(encoding="utf-8")


# -- the forge -------------------------------------------------------------------------------------


def test_forge_runs_tests_that_are_there_on_pythons_that_are_supported() -> None:
    """The workflow names files of ours, and Pythons that the classifiers have."""
    root = Path(__file__).parent.parent
    text = (root / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    named = re.findall(r"tests/[\w/]+(?:\.py)?\b", text.partition("steps:")[2])
    pythons = re.findall(r'"(3\.\d+)"', text)
    classifiers = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert [name for name in named if not (root / name).exists()] == []
    assert len(named) > 2
    assert [one for one in pythons if f"Python :: {one}" not in classifiers] == []
    assert pythons
