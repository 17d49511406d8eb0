"""Each private name of the interpreter that anyrig stands on: is it there, and is it called."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import types
import warnings
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from alone import alone
from anyrig.seams.cpython import asyncgen


def test_warnings_has__warn_unawaited_coroutine() -> None:
    """``warnings._warn_unawaited_coroutine`` is there."""
    assert callable(getattr(warnings, "_warn_unawaited_coroutine"))  # noqa: B009


def test_interpreter_calls__warn_unawaited_coroutine_with_the_coroutine() -> None:
    """The interpreter looks it up at each death, and hands it the coroutine with its frame."""
    script = """
        import warnings
        seen = []
        warnings._warn_unawaited_coroutine = lambda c: seen.append((c.__name__, c.cr_frame is None))
        async def save(): ...
        save()
        print(seen)
    """
    assert alone(script) == "[('save', False)]"


def test_interpreter_calls_it_in_the_thread_of_the_death() -> None:
    """A coroutine that dies in a thread arrives in that thread."""
    script = """
        import threading, warnings
        seen = []
        warnings._warn_unawaited_coroutine = lambda c: seen.append(threading.current_thread().name)
        async def save(): ...
        thread = threading.Thread(target=lambda: save() and None, name="other")
        thread.start(); thread.join()
        print(seen)
    """
    assert alone(script) == "['other']"


def test_interpreter_calls_it_whatever_the_filters_say() -> None:
    """Warning filters, also ``error``, do not come between."""
    script = """
        import warnings
        seen = []
        warnings._warn_unawaited_coroutine = lambda c: seen.append(1)
        async def save(): ...
        for action in ("ignore", "error"):
            warnings.simplefilter(action)
            save()
        print(seen)
    """
    assert alone(script) == "[1, 1]"


def test_warnings_has__showwarnmsg_impl() -> None:
    """``catch_warnings(record=True)`` puts its list's ``append`` in ``_showwarnmsg_impl``."""
    with warnings.catch_warnings(record=True) as log:
        show: Any = warnings._showwarnmsg_impl  # type: ignore[attr-defined]
        assert show.__self__ is log


def test_warnings_filters_is_walked_by_the_interpreter_from_its_head() -> None:
    """The C code takes a list of our own as ``warnings.filters``, and asks ``match`` in order."""
    script = """
        import sys, warnings
        asked = []
        class Pattern:
            def __init__(self, name): self.name = name
            def match(self, text): asked.append(self.name); return self.name == "second"
        class Filters(list): pass
        warnings.filters = Filters(("ignore", Pattern(name), RuntimeWarning, None, 0)
                                   for name in ("first", "second", "third"))
        warnings._filters_mutated() if hasattr(warnings, "_filters_mutated") else None
        async def numbers(): yield 1
        warnings.warn("text", RuntimeWarning)
        print(asked)
    """
    assert alone(script) == "['first', 'second']"


def test_thread_has__bootstrap_inner() -> None:
    """``Thread._bootstrap_inner`` is the first Python code of a new thread, and is looked up."""
    script = """
        import threading
        seen, real = [], threading.Thread._bootstrap_inner
        def ours(thread): seen.append(threading.get_ident()); real(thread)
        threading.Thread._bootstrap_inner = ours
        thread = threading.Thread(target=lambda: seen.append(threading.get_ident()))
        thread.start(); thread.join()
        print(len(seen), len(set(seen)))
    """
    assert alone(script) == "2 1"


def test_thread_has__target() -> None:
    """A thread that runs still has its ``_target``, by which a pool's is known."""
    target = threading.Event().wait
    assert threading.Thread(target=target)._target == target  # type: ignore[attr-defined]


async def numbers() -> AsyncGenerator[int, None]:
    """Yields one number."""
    yield 1


@pytest.mark.parametrize("name", ["asend", "athrow", "aclose"])
def test_asyncgen_state_is_an_enum_at_the_end(name: str) -> None:
    """``ags_state``/``agt_state`` reads 0 before the first step, 2 once it is closed."""
    arguments: dict[str, list[object]] = {"asend": [None], "athrow": [ValueError()]}
    method = getattr(numbers(), name)(*arguments.get(name, []))
    offset = type(method).__basicsize__ - ctypes.sizeof(ctypes.c_void_p)
    state = ctypes.c_int.from_address(id(method) + offset)
    assert state.value == 0
    method.close()
    assert state.value == 2
    assert asyncgen.can_read()


def test_asyncgen_type_has_a_dict_behind_its_view() -> None:
    """``AsyncGeneratorType.__dict__`` is a view of a dict that the collector can name."""
    (namespace,) = gc.get_referents(types.AsyncGeneratorType.__dict__)
    assert isinstance(namespace, dict)
    assert {"asend", "athrow", "aclose", "__anext__"} <= set(namespace)


def test_gc_freeze_and_unfreeze_make_everything_old() -> None:
    """``gc.freeze(); gc.unfreeze()`` puts all that exists into the oldest generation."""
    script = """
        import gc
        gc.disable()
        class Thing: pass
        old = Thing()
        gc.freeze(); gc.unfreeze()
        new = Thing()
        young = [*gc.get_objects(0), *gc.get_objects(1)]
        print([any(one is thing for one in young) for thing in (old, new)])
    """
    assert alone(script) == "[False, True]"


def test_gc_callbacks_come_before_the_promotion() -> None:
    """At a callback's ``start`` the objects are still in the generation that is collected."""
    script = """
        import gc
        gc.disable()
        class Thing: pass
        seen = []
        def callback(phase, info):
            if phase == "start":
                seen.append((info["generation"], any(one is thing for one in gc.get_objects(0))))
        thing = Thing()
        gc.callbacks.append(callback)
        gc.collect(1)
        print(seen)
    """
    assert alone(script) == "[(1, True)]"


def test_coroutine_state_needs_no_inspect() -> None:
    """``cr_suspended``, ``cr_running`` and ``cr_frame`` tell a coroutine that never started."""
    coroutine: Any = _save()
    state = (coroutine.cr_suspended, coroutine.cr_running, coroutine.cr_frame is None)
    coroutine.close()
    assert state == (False, False, False)
    assert coroutine.cr_frame is None


def test_coroutine_keeps_its_code_and_origin_when_it_is_closed() -> None:
    """``cr_origin`` is a tuple of the coroutine's own, innermost frame first."""
    script = """
        import sys
        sys.set_coroutine_origin_tracking_depth(3)
        async def save(): ...
        def make():
            return save()
        one, two = make(), make()
        print([frame[2] for frame in one.cr_origin], one.cr_origin is two.cr_origin)
        one.close(); two.close()
    """
    assert alone(script) == "['make', '<module>'] False"


async def _save() -> None: ...


def test_lazy_imports_have_a_type_and_a_list() -> None:
    """``types.LazyImportType`` and ``sys.lazy_modules`` are there from Python 3.15 on."""
    has = sys.version_info >= (3, 15)
    assert hasattr(types, "LazyImportType") is has
    assert hasattr(sys, "lazy_modules") is has
