"""What the seams of the interpreter do: the hook, the first filter, the threads, the window."""

from __future__ import annotations

import functools
import gc
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from functools import partialmethod
from types import FrameType
from typing import Any

import pytest

from alone import alone
from anyrig.losses import Loss
from anyrig.seams.cpython.excepthooks import ExceptHooks
from anyrig.seams.cpython.filters import _FilterList, hiding_filter
from anyrig.seams.cpython.threads import Starters, frames_of, is_frameworks, target_of
from anyrig.seams.cpython.unawaited import UnawaitedHook, installed_owner, recorded_warnings

# -- unawaited -------------------------------------------------------------------------------------


async def _save() -> None: ...


def test_hook_gets_each_death_and_answers_for_it() -> None:
    """What the note takes is not warned of; what it does not take is, at the line of the death."""
    script = """
        import warnings
        from anyrig.seams.cpython.unawaited import UnawaitedHook
        async def save(): ...
        for takes in (True, False):
            seen = []
            with warnings.catch_warnings(record=True) as log, UnawaitedHook(
                lambda c: seen.append(c.__name__) or takes, owner=None
            ):
                warnings.simplefilter("always")
                save()
            print(seen, [str(one.message) for one in log], [one.lineno for one in log])
    """
    assert alone(script).splitlines() == [
        "['save'] [] []",
        "['save'] [\"coroutine 'save' was never awaited\"] [11]",
    ]


def test_hooks_stack_and_are_taken_off_in_any_order() -> None:
    """The last hook entered hears; one that is not on top leaves what is above it alone."""
    before = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    outer = UnawaitedHook(lambda coroutine: True, owner="outer")
    inner = UnawaitedHook(lambda coroutine: True, owner="inner")
    with outer:
        assert installed_owner() == "outer"
        with inner:
            assert installed_owner() == "inner"
            outer.__exit__(None, None, None)
            assert installed_owner() == "inner"
        assert installed_owner() == "outer"
    assert warnings._warn_unawaited_coroutine is before  # type: ignore[attr-defined]


def test_hook_is_taken_off_when_the_body_raises() -> None:
    """An exception in the watch does not leave the hook behind."""
    before = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="own"), UnawaitedHook(lambda c: True, owner=None):
        raise ValueError("own")
    assert warnings._warn_unawaited_coroutine is before  # type: ignore[attr-defined]


def test_recorded_warnings_is_the_innermost_recorders_list() -> None:
    """The list of the innermost ``catch_warnings(record=True)``, and of ``pytest.warns`` too."""
    with warnings.catch_warnings(record=True) as outer:
        with warnings.catch_warnings(record=True) as inner:
            assert recorded_warnings() is inner
        assert recorded_warnings() is outer
        record = pytest.WarningsRecorder(_ispytest=True)
        with record:
            assert recorded_warnings() is record._list


# -- filters ---------------------------------------------------------------------------------------

FIRST = """
    import warnings
    from anyrig.seams.cpython.filters import FirstFilter, hiding_filter
    seen = []
    def note(text, frame):
        seen.append((text.split("'")[1], frame.f_code.co_name))
        return True
    def warn(name):
        warnings.warn(f"coroutine '{{name}}' was never awaited", RuntimeWarning)
    with FirstFilter(note) as first:
        {body}
    print(seen)
"""


@pytest.mark.parametrize(
    "change",
    [
        "pass",
        "warnings.simplefilter('ignore')",
        "warnings.simplefilter('error')",
        "warnings.filterwarnings('ignore', 'coroutine')",
        "warnings.resetwarnings()",
        "warnings.filters.insert(0, ('ignore', None, Warning, None, 0))",
        "warnings.filters[:] = [('ignore', None, Warning, None, 0)]",
        "warnings.catch_warnings().__enter__(); warnings.simplefilter('ignore')",
        "warnings.catch_warnings(record=True).__enter__()",
        "warnings.filters = []; first.ensure()",
    ],
)
def test_filter_stays_first(change: str) -> None:
    """Our entry hears of every warning first, whatever is done with the filters."""
    body = f"{change}; warn('save')"
    assert alone(FIRST.format(body=body)) == "[('save', 'warn')]"


_CHANGES = [
    "filters.clear()",
    "del filters[:]",
    "del filters[0]",
    "del filters[:1]",
    "filters.pop(0)",
    "filters.pop()",
    "filters.reverse()",
    "filters.sort(key=str)",
    "filters *= 2",
    "filters += [('ignore', None, Warning, None, 0)]; filters.reverse()",
    "filters.extend([('ignore', None, Warning, None, 0)])",
    "filters.append(('ignore', None, Warning, None, 0))",
    "filters[0] = ('ignore', None, Warning, None, 0)",
    "filters[:0] = [('ignore', None, Warning, None, 0)]",
    "filters.insert(-99, ('ignore', None, Warning, None, 0))",
    "filters.remove(filters[1])",
    "saved = filters[:]; filters.clear(); filters.extend(saved)",
    "[filters.pop() for _ in list(filters)]; warnings.simplefilter('ignore')",
]


def test_filter_stays_first_however_the_list_is_changed() -> None:
    """So it does where the list itself is changed, in any of the ways that a list has."""
    body = f"""
        for number, change in enumerate({_CHANGES}):
            with warnings.catch_warnings():
                warnings.resetwarnings()
                warnings.simplefilter("ignore")
                exec(change, {{"filters": warnings.filters, "warnings": warnings}})
                warn(number)
    """
    heard = [(str(number), "warn") for number in range(len(_CHANGES))]
    assert alone(FIRST.format(body=body.strip())) == str(heard)


@pytest.mark.parametrize(
    "change",
    [
        "del filters[0]",
        "del filters[-1]",
        "del filters[:2]",
        "filters.pop(0)",
        "filters.pop()",
        "filters.insert(0, 'new')",
        "filters.insert(1, 'new')",
        "filters.insert(-1, 'new')",
        "filters.insert(99, 'new')",
        "filters[0] = 'new'",
        "filters[-1] = 'new'",
        "filters[1:2] = ['new', 'newer']",
        "filters.reverse()",
        "filters.sort(reverse=True)",
        "filters.append('new')",
        "filters.extend(['new'])",
        "filters.remove('b')",
        "filters *= 2",
        "filters += ['new']",
        "filters.clear()",
        "while filters: filters.pop()",
        "while filters: filters.pop(0)",
        "while filters: del filters[0]",
        "while filters: filters.remove(filters[0])",
    ],
)
def test_filters_change_as_without_ours(change: str) -> None:
    """Whoever changes the list by hand, at an index or until it is empty, gets what he wrote."""
    head = ("ignore", None, RuntimeWarning, None, 0)
    plain, ours = ["a", "b", "c"], _FilterList(["a", "b", "c"], head)
    for filters in (plain, ours):
        exec(change, {"filters": filters})
    assert [entry for entry in ours if entry is not head] == plain


def test_filter_leaves_other_warnings_alone() -> None:
    """Other warnings, other categories and other texts pass as before."""
    body = (
        "log = warnings.catch_warnings(record=True).__enter__(); warnings.simplefilter('always'); "
        "warnings.warn('other', RuntimeWarning); "
        "warnings.warn('it was never awaited', RuntimeWarning); "
        "warnings.warn('coroutine x ended', UserWarning); print(len(log))"
    )
    assert alone(FIRST.format(body=body)).splitlines() == ["3", "[]"]


def test_filter_is_gone_afterwards() -> None:
    """After the watch the list is a plain one, with the entries that were put in meanwhile."""
    script = """
        import warnings
        from anyrig.seams.cpython.filters import FirstFilter
        before = list(warnings.filters)
        with FirstFilter(lambda text, frame: True):
            warnings.filterwarnings("ignore", "something")
        print(type(warnings.filters) is list, warnings.filters[1:] == before)
    """
    assert alone(script) == "True True"


def test_hiding_filter_names_the_filter_and_where_it_was_set() -> None:
    """The filter that hides a text is told, with the file and line that set it while watched."""
    script = """
        import warnings
        from anyrig.seams.cpython.filters import FirstFilter, hiding_filter
        text = "coroutine 'x' was never awaited"
        with FirstFilter(lambda text, frame: True):
            print(hiding_filter(text))
            warnings.filterwarnings("ignore", "coroutine")
            entry = hiding_filter(text)
            print(entry[0], entry.filename, entry.lineno)
            warnings.simplefilter("error")
            print(hiding_filter(text))
    """
    assert alone(script).splitlines() == ["None", "ignore <string> 7", "None"]


@pytest.mark.parametrize(
    ("category", "message", "hides"),
    [
        (RuntimeWarning, "", True),
        (Warning, "", True),
        (UserWarning, "", False),
        (RuntimeWarning, "coroutine", True),
        (RuntimeWarning, "other", False),
    ],
)
def test_hiding_filter_is_one_that_matches(
    category: type[Warning], message: str, hides: bool
) -> None:
    """A filter hides where its category and its message match."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.filterwarnings("ignore", message, category)
        assert (hiding_filter("coroutine 'x' was never awaited") is not None) is hides


# -- what can be raised nowhere --------------------------------------------------------------------


def _fails(*_: object) -> None:
    raise ValueError


class _Dies:
    def __del__(self) -> None:
        raise ValueError


class _Shown:
    def __call__(self) -> None:
        raise ValueError

    def __repr__(self) -> str:
        return "<anything>"


class _DiesUnnamed:
    __del__ = _Shown()


def _generator() -> Iterator[None]:
    try:
        yield
    finally:
        raise ValueError


@types.coroutine
def _suspended() -> Generator[None]:
    yield


async def _coroutine() -> None:
    try:
        await _suspended()
    finally:
        raise ValueError


def _weak(callback: Callable[..., object]) -> None:
    thing = _Shown()
    weak = weakref.ref(thing, callback)
    del thing
    assert weak() is None


def _dropped(begun: Any) -> None:
    begun.send(None)


def _collects() -> None:
    gc.callbacks.append(_fails)
    try:
        gc.collect(0)
    finally:
        gc.callbacks.remove(_fails)


@pytest.mark.parametrize(
    ("happens", "names"),
    [
        (_Dies, {"_Dies.__del__"}),
        (_DiesUnnamed, {"", "_Shown"}),
        (lambda: _weak(_fails), {"_fails"}),
        (lambda: _weak(lambda _: _fails()), {"<lambda>.<locals>.<lambda>", "<lambda>"}),
        (lambda: _weak(functools.partial(_fails)), {"partial", ""}),
        (lambda: weakref.finalize(_Shown(), _fails), {"finalize"}),
        (lambda: _dropped(_generator()), {"_generator"}),
        (lambda: _dropped(_coroutine()), {"_coroutine"}),
        (_collects, {"_fails"}),
    ],
)
def test_unraisable_has_the_name_of_what_raised(
    happens: Callable[[], object], names: set[str]
) -> None:
    """Whether the hook is given the thing, or from Python 3.14 on a text with its ``repr``."""
    told: list[str] = []

    def note(loss: Loss, thread: object) -> bool:
        told.append(loss.name)
        return True

    with ExceptHooks(note):
        happens()
    assert told
    assert set(told) <= names


# -- threads ---------------------------------------------------------------------------------------


def test_threads_have_origins_and_a_token() -> None:
    """A thread that is started in the watch tracks origins, and is known by its token."""
    script = """
        import sys, threading
        from concurrent.futures import ThreadPoolExecutor
        from anyrig.seams.cpython.threads import ThreadStarts
        depths = []
        def work(): depths.append(sys.get_coroutine_origin_tracking_depth())
        before = threading.Thread(target=threading.Event().wait, daemon=True); before.start()
        with ThreadStarts(4, lambda thread: f"token of {thread.name}") as starts:
            thread = threading.Thread(target=work, name="one"); thread.start(); thread.join()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(work).result()
                (worker,) = pool._threads
                print(starts.started_at(worker))
            print(starts.started_at(thread), starts.started_at(before), depths)
            print(sys.get_coroutine_origin_tracking_depth())
        thread = threading.Thread(target=work); thread.start(); thread.join()
        print(depths[-1], sys.get_coroutine_origin_tracking_depth())
    """
    assert alone(script).splitlines() == ["None", "token of one None [4, 4]", "4", "0 0"]


def test_threads_keep_a_deeper_tracking_of_the_users_own() -> None:
    """A depth that somebody set higher before is left as it is."""
    script = """
        import sys
        from anyrig.seams.cpython.threads import ThreadStarts
        sys.set_coroutine_origin_tracking_depth(20)
        with ThreadStarts(4, lambda thread: None):
            print(sys.get_coroutine_origin_tracking_depth())
        print(sys.get_coroutine_origin_tracking_depth())
    """
    assert alone(script).splitlines() == ["20", "20"]


def test_start_of_a_thread_is_told_where_it_happens() -> None:
    """``Thread.start`` is looked up at each start, and told with the frame of its caller."""
    told: list[tuple[str, str, bool]] = []

    def note(thread: threading.Thread, frame: FrameType) -> None:
        told.append((thread.name, frame.f_code.co_name, thread.ident is None))

    def starter() -> None:
        thread = threading.Thread(target=int, name="one")
        thread.start()
        thread.join()

    before = threading.Thread.start
    with Starters(note):
        starter()
    starter()
    assert told == [("one", "starter", True)]
    assert threading.Thread.start is before


def test_start_that_somebody_wrapped_stays_theirs() -> None:
    """What another library put around ours in the meantime is left where it is."""
    before = threading.Thread.start
    try:
        with Starters(lambda thread, frame: None):
            theirs = partialmethod(threading.Thread.start)
            threading.Thread.start = theirs  # type: ignore[assignment,method-assign]
        assert vars(threading.Thread)["start"] is theirs
    finally:
        threading.Thread.start = before  # type: ignore[method-assign]


def test_thread_says_what_it_runs_and_where_it_is() -> None:
    """``Thread._target``, a subclass's ``run``, a timer's function, and the frames of each."""
    stop = threading.Event()

    class Worker(threading.Thread):
        def run(self) -> None:
            stop.wait()

    def work() -> None:
        stop.wait()

    threads = [threading.Thread(target=work), Worker(), threading.Timer(3600, work)]
    for thread in threads:
        thread.start()
    try:
        assert [target_of(thread) for thread in threads] == [work, Worker.run, work]
        assert "work" in [frame[2] for frame in frames_of(threads[0])]
        assert not any(map(is_frameworks, threads))
    finally:
        stop.set()
        threads[2].cancel()  # type: ignore[attr-defined]
        for thread in threads:
            thread.join()
    assert frames_of(threads[0]) == ()


def test_threads_of_frameworks_are_known_by_what_they_run() -> None:
    """The threads of pools, of anyio and trio, and of asyncio's and multiprocessing's own."""
    script = """
        import asyncio, anyio, anyio.to_thread, multiprocessing.pool, sys, threading, trio
        from concurrent.futures import ThreadPoolExecutor
        from anyrig.seams.cpython.threads import is_frameworks
        def others(): return [t for t in threading.enumerate() if t is not threading.main_thread()]
        async def work():
            await anyio.to_thread.run_sync(int)
            return [is_frameworks(thread) for thread in others()]
        print(anyio.run(work, backend="asyncio"), anyio.run(work, backend="trio"))
        with ThreadPoolExecutor(1) as pool, multiprocessing.pool.ThreadPool(1):
            pool.submit(int).result()
            print({is_frameworks(thread) for thread in others()}, len(others()))
        async def subprocess():
            waits = "import sys; sys.stdin.read()"
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", waits, stdin=-1)
            found = {is_frameworks(thread) for thread in others()}
            await process.communicate(b"")
            return found <= {True}
        print(asyncio.run(subprocess()))
    """
    first, second, third = alone(script).splitlines()
    assert first == "[True] [True]"
    assert second.startswith("{True} ")
    assert third == "True"
