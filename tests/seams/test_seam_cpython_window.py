"""The window on what was made since a moment: what it sees, and what it leaves as it was."""

from __future__ import annotations

import sys

import pytest

from alone import alone

# -- unawaited -------------------------------------------------------------------------------------


# -- young -----------------------------------------------------------------------------------------

WINDOW = """
    import gc
    from types import CoroutineType
    from anyrig.seams.cpython.young import AllObjects, YoungObjects
    def is_pending(c): return c.cr_frame is not None and not c.cr_suspended
    async def save(name): ...
    def names(): return sorted(c.cr_frame.f_locals["name"] for c in window.pending())
    window = {window}(frozenset({{CoroutineType}}), is_pending)
    old = save("old")
    window.open()
    {body}
    window.close()
"""
each_window = pytest.mark.parametrize("window", ["YoungObjects", "AllObjects"])


@each_window
@pytest.mark.parametrize("collections", ["", "gc.collect(0);", "gc.collect(1);", "gc.collect();"])
def test_window_sees_what_is_made_in_it(window: str, collections: str) -> None:
    """What is made in the window is seen, also where a collection promotes it; the old is not."""
    body = f"new = save('new'); {collections} print(names()); window.renew(); print(names())"
    text = alone(WINDOW.format(window=window, body=body) + "    new.close(); old.close()\n")
    assert text.splitlines() == ["['new']", "[]"]


@pytest.mark.parametrize("collections", ["", "gc.collect(1); "])
@each_window
def test_window_passes_over_what_is_nobodys(window: str, collections: str) -> None:
    """What was made before is not seen any more, but where that can't be had for nothing."""
    body = f"one = save('1'); {collections}window.pass_over(); two = save('2'); print(names())"
    end = "    one.close(); two.close(); old.close()\n"
    text = alone(WINDOW.format(window=window, body=body) + end)
    is_cheap = window == "YoungObjects" and not collections
    assert text.splitlines() == ["['2']" if is_cheap else "['1', '2']"]


@each_window
def test_window_sees_what_is_in_a_cycle(window: str) -> None:
    """A coroutine in a cycle is seen, and `collect` ends it."""
    body = "cycle = [save('new')]; cycle.append(cycle); del cycle; print(names()); window.collect()"
    text = alone(WINDOW.format(window=window, body=f"{body}; print(names())") + "    old.close()\n")
    assert text.splitlines()[0] == "['new']"
    assert text.splitlines()[-1] == "[]"


@each_window
def test_window_leaves_the_collector_as_it_was(window: str) -> None:
    """Closing takes the callback off; thresholds and frozen objects are as before."""
    body = "before = (gc.get_threshold(), gc.get_freeze_count())"
    script = WINDOW.format(window=window, body=body)
    script += "    print(gc.callbacks, before == (gc.get_threshold(), gc.get_freeze_count()))\n"
    assert alone(script + "    old.close()\n") == "[] True"


def test_window_puts_collections_off_for_a_while() -> None:
    """The interpreter's threshold is another one in between, and comes back however it ends."""
    body = """
    before = gc.get_threshold()
    window.put_off(); print(gc.get_threshold()[0] > before[0], gc.get_threshold()[1:] == before[1:])
    window.resume(); print(gc.get_threshold() == before)
    window.put_off(); window.close(); print(gc.get_threshold() == before)"""
    text = alone(WINDOW.format(window="YoungObjects", body=body) + "    old.close()\n")
    assert text.splitlines() == ["True True", "True", "True"]


@pytest.mark.parametrize("threshold", [0, 70_000, 123])
def test_window_leaves_somebodys_own_threshold_alone(threshold: int) -> None:
    """A suite that set the threshold itself (0 is off) keeps it: before, and in between."""
    body = f"""
    gc.set_threshold({threshold}); window.put_off(); gc.set_threshold({threshold}); window.resume()
    print(gc.get_threshold()[0])
    gc.set_threshold({max(threshold, 70_000)}); window.put_off(); print(gc.get_threshold()[0])"""
    text = alone(WINDOW.format(window="YoungObjects", body=body) + "    old.close()\n")
    assert text.splitlines() == [str(threshold), str(max(threshold, 70_000))]


def test_window_leaves_somebodys_own_freeze_alone() -> None:
    """Objects that a suite froze itself stay frozen."""
    body = "gc.freeze(); window.renew(); print(gc.get_freeze_count() > 0)"
    script = WINDOW.format(window="YoungObjects", body=body) + "    old.close()\n"
    assert alone(script) == "True"


def test_window_inside_a_window() -> None:
    """An inner window makes everything old, and the outer one still knows what is its own."""
    body = (
        "new = save('new'); inner = YoungObjects(frozenset({CoroutineType}), is_pending); "
        "inner.open(); inner.close(); print(names())"
    )
    script = WINDOW.format(window="YoungObjects", body=body)
    assert alone(script + "    new.close(); old.close()\n") == "['new']"


def test_fast_window_is_chosen_here() -> None:
    """On this interpreter the window that costs nothing is the one that is used."""
    script = """
        from anyrig.checks.missed_await import WANTED, is_pending
        from anyrig.seams.cpython.young import choose_window
        print(choose_window(WANTED, is_pending).name)
    """
    # the collector of 3.14.0 to 3.14.4 is another one, and 3.15's was until its second release
    is_incremental = (3, 14) <= sys.version_info < (3, 14, 5)
    assert is_incremental or alone(script) == "young generations"


OTHER_COLLECTORS = {
    "no young ones": "lambda *g: [] if g and g[0] in (0, 1) else real.get_objects(*g)",
    "all are young": "lambda *g: real.get_objects()",
    "the old are in the second": (
        "lambda *g: real.get_objects() if g == (1,) else real.get_objects(*g)"
    ),
    "survivors are old": "lambda *g: [] if g == (1,) else real.get_objects(*g)",
    "one generation": "lambda *g: raising() if g == (1,) else real.get_objects(*g)",
    "no generations": "lambda: real.get_objects()",
}


@pytest.mark.parametrize("collector", OTHER_COLLECTORS)
def test_window_for_another_collector(collector: str) -> None:
    """Where generations are not what they are here, the heap is walked, and finds the same."""
    script = f"""
        from types import SimpleNamespace
        from anyrig.seams.cpython import young
        real = young.gc
        def raising(): raise ValueError("generation must be less than 1")
        async def save(name): ...
        def is_pending(c): return c.cr_frame is not None and not c.cr_suspended
        def names(): return sorted(c.cr_frame.f_locals["name"] for c in window.pending())
        names_of = [name for name in dir(real.itself) if not name.startswith("_")]
        young.gc = SimpleNamespace(**{{name: getattr(real, name) for name in names_of}})
        young.gc.get_objects = {OTHER_COLLECTORS[collector]}
        window = young.choose_window(frozenset({{young.CoroutineType}}), is_pending)
        print(window.name)
        old = save("old")
        window.open()
        new = save("new")
        cycle = [save("cycle")]; cycle.append(cycle); del cycle
        print(names())
        window.collect()
        for generation in range(3):
            real.collect(generation)
            print(names())
        window.renew()
        print(names())
        window.close(); new.close(); old.close()
    """
    lines = [line for line in alone(script).splitlines() if line[:1] in "w["]
    assert lines == ["whole heap (slower)", "['cycle', 'new']", *["['new']"] * 3, "[]"]


def test_heap_is_not_walked_to_count_it() -> None:
    """Much that is new, and little beside the heap: the heap is not walked, and counted once."""
    body = """
    import sys
    heap = [[] for _ in range(1_600_000)]
    window._new_since_look = 150_000
    walks = []
    def counted(name, real):
        return lambda *args: (args or walks.append(name)) and None or real(*args)
    from anyrig import own
    names = (own.gc, "get_objects"), (own.gc, "collect"), (own.sys, "getallocatedblocks")
    for module, name in names:
        vars(module)[name] = counted(name, vars(module)[name])
    for _ in range(20):
        more = [[] for _ in range(100)]
        window.renew()
    print(walks)
    """
    text = alone(WINDOW.format(window="YoungObjects", body=body) + "    old.close()\n")
    assert text.splitlines() == ["['getallocatedblocks']"]


def test_full_collection_when_a_quarter_is_new() -> None:
    """What is new, and large beside the heap, brings a full collection."""
    body = """
    window._collect_all_if_due()
    class Cycle:
        def __init__(self): self.me = self
    cycles = [Cycle() for _ in range(300_000)]
    window.renew()
    del cycles
    more = [Cycle() for _ in range(300_000)]
    window.renew()
    print(sum(type(thing) is Cycle for thing in gc.get_objects()))
    """
    text = alone(WINDOW.format(window="YoungObjects", body=body) + "    old.close()\n")
    assert text.splitlines() == ["300000"]
