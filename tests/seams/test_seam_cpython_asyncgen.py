"""The methods of async generators: which were dropped, which are kept, which are a loop's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from alone import alone
from anyrig.seams.cpython import asyncgen
from anyrig.seams.cpython.asyncgen import (
    CLOSE_TYPE,
    SEND_TYPE,
    is_unawaited,
    name_of,
    qualname_of,
)
from inner import Suite


async def numbers() -> AsyncGenerator[int, Any]:
    """Yields two numbers."""
    yield 1
    yield 2


METHODS: dict[str, Callable[[], Any]] = {
    "asend": lambda: numbers().asend(None),
    "athrow": lambda: numbers().athrow(ValueError()),
    "aclose": lambda: numbers().aclose(),
    "__anext__": lambda: numbers().__anext__(),
}


@pytest.mark.parametrize("name", list(METHODS))
def test_state_of_a_method(name: str) -> None:
    """A method is unawaited until its first step, and no more once it was closed."""
    method = METHODS[name]()
    assert type(method) in (SEND_TYPE, CLOSE_TYPE)
    assert is_unawaited(method)
    method.close()
    assert not is_unawaited(method)


def test_awaited_method_is_not_unawaited() -> None:
    """The first step of an ``asend`` is enough."""
    generator = numbers()
    method = generator.asend(None)
    with pytest.raises(StopIteration):
        method.send(None)
    assert not is_unawaited(method)
    with pytest.raises(StopIteration):
        generator.aclose().send(None)


def test_qualname_of_a_methods_generator() -> None:
    """The generator's name is read off the method."""
    method = numbers().asend(None)
    assert qualname_of(method) == "numbers"
    method.close()


NOTED = """
    import asyncio, gc, warnings
    from anyrig.seams.cpython.asyncgen import MethodCalls, is_warned_of
    warnings.simplefilter("ignore")
    dropped = []
    async def numbers():
        yield 1
    calls = MethodCalls(lambda call: dropped.append((call.name, call.frames[0][2])))
    def told(name):
        calls.settle()
        if is_warned_of():
            call = calls.recall(name)
            return [] if call is None or call.is_loops_own else [(call.name, call.frames[0][2])]
        return dropped
    with calls:
        {body}
"""


@pytest.mark.parametrize("call", ["asend(None)", "athrow(ValueError())", "aclose()", "__anext__()"])
def test_dropped_method_is_told_with_its_line(call: str) -> None:
    """A method that is thrown away is told by name, with the frame that made it."""
    name = f"numbers.{call.partition('(')[0]}"
    body = f"""
        def drops():
            numbers().{call}
        drops()
        print(told({name!r}))
    """
    assert alone(NOTED.format(body=body.strip())) == f"[({name!r}, 'drops')]"


@pytest.mark.parametrize(
    "body",
    [
        "async for number in numbers(): pass",
        "await numbers().asend(None)",
        "await numbers().aclose()",
        "await anext(numbers())",
        "await anext(numbers(), None)",
        "made = numbers().asend(None); await made",
        "await asyncio.wait_for(anext(numbers()), 9)",
        "[number async for number in numbers()]",
        "async for number in numbers(): break",
    ],
)
def test_awaited_method_is_not_told(body: str) -> None:
    """A method that is awaited, at once or later, is not told, nor is what the loop does itself."""
    script = f"""
        async def main():
            {body}
        asyncio.run(main())
        gc.collect()
        calls.settle()
        print(dropped)
    """
    assert alone(NOTED.format(body=script.strip())) == "[]"


def test_methods_are_put_back() -> None:
    """After the watch the type has the methods that it had."""
    script = """
        import types
        from anyrig.seams.cpython.asyncgen import MethodCalls
        before = dict(types.AsyncGeneratorType.__dict__)
        with MethodCalls(lambda call: None):
            during = types.AsyncGeneratorType.__dict__
            changed = [name for name in during if before[name] is not during[name]]
        print(sorted(changed), dict(types.AsyncGeneratorType.__dict__) == before)
    """
    assert alone(script) == "['__anext__', 'aclose', 'asend', 'athrow'] True"


LOOP = """
import asyncio

async def numbers():
    yield 1
    yield 2

def test_loop():
    async def main():
        async for number in numbers():
            break
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
"""


def test_state_that_is_elsewhere_is_told_in_the_header(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the layout is another, one line says so, and a loop's own calls are still known."""
    suite.write("test_it.py", LOOP)
    assert "state at another place" not in suite.run().text
    monkeypatch.setattr(asyncgen, "can_read", lambda: False)
    done = suite.run()
    assert done.counts == {"passed": 1}
    told = [line for line in done.text.splitlines() if "state at another place" in line]
    assert len(told) == 1
    assert told[0].startswith("anyrig: an asend, athrow or aclose that something holds")
    assert suite.found == []


def test_name_of_a_method() -> None:
    """The builtin ``anext()`` makes an ``asend``, and that is its name."""
    made: Any = anext(numbers())
    assert name_of(made) == "numbers.asend"
    made.close()
    made = numbers().aclose()
    assert name_of(made) == "numbers.aclose"
    made.close()
