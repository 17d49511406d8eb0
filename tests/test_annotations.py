"""Annotations with names that are not there at run time: doubles and services take them."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any

import pytest

from anyrig import mocks
from anyrig.annotations import hints, signature
from inner import BACKENDS, Suite

_CHECKING = "import typing\nif typing.TYPE_CHECKING:\n    from nowhere import Response\n"
AS_TEXT = "from __future__ import annotations\n" + _CHECKING
# what stands before the code -> how it names what is not there
SORTS: dict[str, tuple[str, str]] = {"as_text": (AS_TEXT, "Response")}
if sys.version_info >= (3, 14):  # before, such a name raises in the module itself
    SORTS["late"] = (_CHECKING, "Response")
if sys.version_info >= (3, 15):
    SORTS["lazy"] = ("lazy from nowhere import Response\n", "Response")

CODE = """
import anyrig

class Request:
    size: int = 3

class Client:
    last: {name}
    request: Request

    def __init__(self, first: {name}) -> None: ...
    async def get(self, path: str) -> {name}: ...
    def close(self, how: {name}, *, now: bool = True) -> None: ...
    def make(self) -> Request: ...
    @property
    def answer(self) -> {name}: ...

def connect(first: {name}) -> Client: ...
"""


@pytest.fixture(params=list(SORTS))
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module whose annotations have names that are not there."""
    before, name = SORTS[request.param]
    made: Any = types.ModuleType("annotated")
    monkeypatch.setitem(sys.modules, "annotated", made)
    # this module's own way of annotating is not to be the other's
    code = compile(before + CODE.format(name=name), "annotated.py", "exec", dont_inherit=True)
    exec(code, made.__dict__)
    return made


def test_signature_has_the_parameters(module: Any) -> None:
    """The names and kinds of parameters are known, whatever their annotations are."""
    assert list(signature(module.Client.close).parameters) == ["self", "how", "now"]
    assert list(signature(module.Client).parameters) == ["first"]
    with pytest.raises((ValueError, TypeError)):
        signature(type)


def test_hints_have_what_is_there(module: Any) -> None:
    """Each annotation of a class is there."""
    assert {"last", "request"} <= set(hints(module.Client))
    assert hints(module.Client)["request"] is module.Request
    assert hints(module.Client.make)["return"] is module.Request
    assert hints(len) == hints(None) == {}


def test_annotation_that_raises() -> None:
    """What raises when it is worked out is no hint, and hides no other one."""
    names: dict[str, Any] = {}
    code = "from __future__ import annotations\ndef f(a: 1 / 0, b: int) -> None: ..."
    exec(compile(code, "annotated.py", "exec"), names)
    found = hints(names["f"])
    assert found["b"] is int
    assert getattr(found["a"], "__forward_arg__", found["a"]) == "1 / 0"
    assert list(signature(names["f"]).parameters) == ["a", "b"]


async def test_double_of_a_class(module: Any) -> None:
    """A double checks calls, is async where the real one is, and has all attributes."""
    client = mocks.create(module.Client)
    mocks.of(client.get).return_value = 3
    assert await client.get("/") == 3
    assert client.close("soon", now=False) is None
    with pytest.raises(TypeError):
        client.close()
    assert {"last", "answer", "request"} <= set(dir(client))
    assert list(inspect.signature(client.get).parameters) == ["path"]


def test_double_of_a_function(module: Any) -> None:
    """So does one of a function, and a patch of either."""
    with mocks.patch("annotated.connect") as connect:
        module.connect("first")
        with pytest.raises(TypeError):
            module.connect()
    assert mocks.of(connect).call_count == 1
    with mocks.patch.object(module.Client, "close") as close:
        module.Client("first").close("soon")
    assert mocks.of(close).call_count == 1


SERVICE = """
{before}
import pytest
import anyrig

@anyrig.service
async def ticker(*, task_status: {name}):
    task_status.started([1])
    await anyio.sleep_forever()

import anyio

async def test_it(ticker):
    assert ticker == [1]
"""


@pytest.mark.parametrize("sort", list(SORTS))
def test_service(suite: Suite, sort: str) -> None:
    """A service whose ``task_status`` is annotated so is a fixture as any other."""
    before, name = SORTS[sort]
    suite.write("test_it.py", SERVICE.format(before=before, name=name).lstrip())
    assert suite.run().counts == {"passed": len(set(BACKENDS) & {"asyncio", "trio"})}


# -- a partial in a class --------------------------------------------------------------------------

# Python 3.13 says so when one is looked up
pytestmark = pytest.mark.filterwarnings("ignore:functools.partial will be a method:FutureWarning")


def _call(first: Any, path: str, *, method: str) -> str:
    return f"{method} {path}"


class Client:
    """Has a partial, which takes ``self`` from Python 3.14 on."""

    get = functools.partial(_call, method="GET")
    head = staticmethod(functools.partial(_call, None, method="HEAD"))

    def __init__(self) -> None:
        self.post = functools.partial(_call, self, method="POST")


@pytest.mark.parametrize("name", ["get", "head", "post"])
def test_partial_in_a_class_is_called_as_the_real_one(name: str) -> None:
    """A double takes the arguments that the real one takes, and refuses what it refuses."""
    for arguments in (("/",), (None, "/"), (None, None, "/")):
        real = Client()
        try:
            getattr(real, name)(*arguments)
        except TypeError:
            is_taken = False
        else:
            is_taken = True
        double = getattr(mocks.create(real), name)
        with mocks.patch.object(real, name) as patched:
            for called in (double, patched, getattr(real, name)):
                if is_taken:
                    called(*arguments)
                else:
                    with pytest.raises(TypeError):
                        called(*arguments)


def test_partial_patched_in_its_class() -> None:
    """A patch in the class has the signature that an object of it sees."""
    takes_self = sys.version_info >= (3, 14)
    arguments: tuple[Any, ...] = ("/",) if takes_self else (None, "/")
    client: Any = Client()
    assert client.get(*arguments) == "GET /"
    with mocks.patch.object(Client, "get") as get:
        client.get(*arguments)
        with pytest.raises(TypeError):
            client.get(*arguments, None)
    assert mocks.of(get).call_count == 1
