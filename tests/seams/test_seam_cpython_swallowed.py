"""What is being finalised, and what a signal's handler raises there: neither comes to harm."""

from __future__ import annotations

from textwrap import dedent

import pytest

from alone import alone

# -- weak references to what dies ------------------------------------------------------------------

DYING = """
    import gc, threading, warnings, weakref
    from types import CoroutineType
    from anyrig.seams.cpython.unawaited import UnawaitedHook
    from anyrig.seams.cpython.young import YoungObjects

    async def save(number): ...
    def is_pending(c): return not c.cr_suspended and not c.cr_running and c.cr_frame is not None
    dead = []
    refs = []
    def refer():
        for one in gc.get_objects():
            if type(one) is CoroutineType:
                refs.append(weakref.ref(one))
        one = None
"""


def _dying(script: str) -> str:
    return dedent(DYING) + dedent(script)


def test_weak_reference_that_is_made_while_a_coroutine_dies_ends_with_it() -> None:
    """Whoever makes one then, in the note or in a collection, has one that says that it is dead."""
    script = """
        def note(coroutine):
            dead.append(coroutine.cr_code.co_name)
            refer()
            return True
        with UnawaitedHook(note, owner=None) as hook:
            for number in range(300):
                save(number)
                hook.release()
        rubbish = [bytearray(200) for _ in range(3000)]  # over what was freed, were it pointed to
        print(len(dead), len(refs), {ref() for ref in refs}, hook._kept)

        def collect(phase, info):
            if phase == "start":
                refer()
        dead.clear(); refs.clear()
        gc.callbacks.append(collect)
        with UnawaitedHook(lambda coroutine: dead.append(1) or True, owner=None) as hook:
            thresholds = gc.get_threshold()
            gc.set_threshold(1, 1, 1)
            for number in range(300):
                save(number)
            gc.set_threshold(*thresholds)
            hook.release()
        gc.callbacks.clear()
        rubbish = [bytearray(200) for _ in range(3000)]
        print(len(dead), {ref() for ref in refs} <= {None}, hook._kept)
    """
    assert alone(_dying(script)).splitlines() == ["300 300 {None} []", "300 True []"]


def test_what_is_about_to_be_freed_is_not_let_go_of() -> None:
    """`release` in the middle of a death leaves alone what dies just then."""
    script = """
        def note(coroutine):
            refs.append(weakref.ref(coroutine))
            hook._kept.append(coroutine)
            hook.release()
            dead.append(len(hook._kept))
            return True
        with UnawaitedHook(note, owner=None) as hook:
            save(1)
            print(dead, refs[0]() is not None)
            hook.release()
            print(refs[0](), hook._kept)
    """
    assert alone(_dying(script)).splitlines() == ["[1] True", "None []"]


def test_window_makes_no_weak_reference() -> None:
    """What a collection promotes has none: it may be about to be freed."""
    script = """
        window = YoungObjects(frozenset({CoroutineType}), is_pending)
        window.open()
        new = save(1)
        gc.collect(1); gc.collect()
        print(weakref.getweakrefcount(new), [one is new for one in window.pending()])
        window.close(); new.close()
    """
    assert alone(_dying(script)) == "0 [True]"


def test_collections_at_each_allocation() -> None:
    """With thresholds of 1, what is dropped in loops, threads, cycles is heard of, once each."""
    script = """
        window = YoungObjects(frozenset({CoroutineType}), is_pending)
        def note(coroutine):
            dead.append(coroutine.cr_frame.f_locals["number"])
            [[number] for number in range(3)]
            return True
        def drop():
            for number in range(100):
                save(number)
            cycle = [save(100)]
            cycle.append(cycle)
        with UnawaitedHook(note, owner=None) as hook:
            window.open()
            gc.set_threshold(1, 1, 1)
            threads = [threading.Thread(target=drop) for _ in range(3)]
            for thread in threads: thread.start()
            drop()
            for thread in threads: thread.join()
            gc.collect()
            window.pending(); window.renew()
            gc.set_threshold(700, 10, 10)
            window.close()
        print(len(dead), sorted(set(dead)) == list(range(101)))
    """
    assert alone(_dying(script)) == "404 True"


def test_promoted_that_have_died_are_forgotten() -> None:
    """A long test does not pile up what it was seen to make; what is alive is still seen."""
    script = """
        import sys
        from anyrig.seams.cpython import young
        young._MANY_PROMOTED = 10
        sys.set_coroutine_origin_tracking_depth(1)
        window = YoungObjects(frozenset({CoroutineType}), is_pending)
        window._many = 10
        window.open()
        held = save(-1)
        for number in range(200):
            new = [save(number) for _ in range(5)]
            gc.collect(1)
            for one in new: one.close()
            del new, one
        print(len(window._promoted) < 40, [one is held for one in window.pending()])
        walks, real = [], gc.get_objects
        gc.get_objects = lambda *args: walks.append(args) or real(*args)
        held.close(); del held
        print(window.pending(), () in walks)
        window.close()
    """
    assert alone(_dying(script)).splitlines() == ["True [True]", "[] False"]


# -- what handlers raise ---------------------------------------------------------------------------

SIGNALS = """
    import functools, gc, signal, sys, threading
    from _thread import interrupt_main
    from types import CoroutineType
    from anyrig.seams.cpython.excepthooks import ExceptHooks
    from anyrig.seams.cpython.unawaited import UnawaitedHook
    from anyrig.seams.cpython.young import YoungObjects

    async def save(): ...
    class TooLate(Exception): ...
    class Limit:
        def raise_it(self, number, frame): raise TooLate
    def by_partial(more, number, frame): raise TooLate
    {setup}
    lost = []
    hooks = ExceptHooks(lambda loss, thread: lost.append(loss.error) or True)
    sys.unraisablehook = lambda unraisable: lost.append(unraisable.exc_value)
    window = YoungObjects(frozenset({{CoroutineType}}), lambda c: True)
    window.open()
    with hooks:
        try:
            {body}
            for _ in range(1000): pass
            said = "nothing"
        except BaseException as error:
            said = type(error).__name__
    window.close()
    print(said, lost)
"""
IN_CALLBACK = "window._young = lambda: signal.raise_signal({number}); gc.collect(1)"
AT_CALLBACK = """
            gc.callbacks.insert(0, lambda phase, info: [*map(interrupt_main, [{number}])])
            gc.collect(1)
"""
IN_HOOK = """
            with UnawaitedHook(lambda coroutine: signal.raise_signal({number}), owner=None):
                save()
"""
IN_DEL = """
            class Dropped:
                def __del__(self): signal.raise_signal({number})
            Dropped()
"""
AT_DEL = """
            class Dropped:
                def __del__(self): [*map(interrupt_main, [{number}])]
            Dropped()
"""


@pytest.mark.parametrize(
    "body", [IN_CALLBACK, AT_CALLBACK, IN_HOOK, IN_DEL, AT_DEL], ids=lambda body: body.split()[0]
)
@pytest.mark.parametrize(
    ("setup", "number", "said"),
    [
        ("", "signal.SIGINT", "KeyboardInterrupt"),
        ("signal.signal(signal.SIGUSR2, Limit().raise_it)", "signal.SIGUSR2", "TooLate"),
        (
            "signal.signal(signal.SIGUSR1, functools.partial(by_partial, 1))",
            "signal.SIGUSR1",
            "TooLate",
        ),
    ],
    ids=["SIGINT", "limit", "partial"],
)
def test_signal_that_nobody_would_hear_comes_again(
    body: str, setup: str, number: str, said: str
) -> None:
    """What a handler raises in a finaliser or a callback is raised in the code that runs then."""
    script = SIGNALS.format(setup=setup, body=body.format(number=number).strip())
    assert alone(script) == f"{said} []"


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "ValueError", "TooLate"])
def test_what_is_raised_by_hand_stays_where_it_is(error: str) -> None:
    """A finaliser that raises, were it a `KeyboardInterrupt`, is what it was: unraisable."""
    body = f"""
            class Dropped:
                def __del__(self): raise {error}
            Dropped()
    """
    setup = "signal.signal(signal.SIGUSR2, Limit().raise_it)"
    text = alone(SIGNALS.format(setup=setup, body=body.strip()))
    assert text.startswith("nothing [")
    assert text.count(error) == 1


def test_other_threads_have_no_signals() -> None:
    """An exception that another thread's finaliser raises is nobody's signal."""
    body = """
            class Dropped:
                def __del__(self): Limit().raise_it(0, None)
            thread = threading.Thread(target=Dropped)
            thread.start(); thread.join()
    """
    setup = "signal.signal(signal.SIGUSR2, Limit().raise_it)"
    assert alone(SIGNALS.format(setup=setup, body=body.strip())) == "nothing [TooLate()]"
