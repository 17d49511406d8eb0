"""Which expression of a line made a coroutine, what runs it, and the text with an await in it."""

from __future__ import annotations

import ast

import pytest

from anyrig import rewrites, sites
from anyrig.edits import Stale, edited
from anyrig.findings import Edit
from anyrig.sites import How, Scope
from anyrig.source import File, called_name

SAVE = frozenset({"save"})


def _file(text: str) -> File:
    lines = text.splitlines(keepends=True)
    return File(ast.parse(text), [line if line.endswith("\n") else f"{line}\n" for line in lines])


def _found(text: str, lineno: int, *names: str) -> tuple[How, list[str]] | None:
    found = sites.find(_file(text), lineno, frozenset(names))
    if found is None:
        return None
    how, paths = found
    return how, [ast.unparse(path[-1]) for path in paths]


@pytest.mark.parametrize(
    ("statement", "how", "expressions"),
    [
        ("save(1)", How.CALLED, ["save(1)"]),
        ("print(save(1), store.save(2))", How.CALLED, ["save(1)", "store.save(2)"]),
        ("print(await save(1), save(2))", How.CALLED, ["save(2)"]),
        ("await save(1)", How.CALLED, ["save(1)"]),
        ("print(store.save)", How.ASKED, ["store.save"]),
        ("store.save.value", How.ASKED, ["store.save"]),
        ("list(map(save, xs))", How.PASSED, ["save"]),
        ("list(map(store.save, xs))", How.PASSED, ["store.save"]),
        ("request.addfinalizer(save)", How.PASSED, ["save"]),
        ("decorated(save)(1)", How.GUESSED, ["decorated(save)(1)"]),
        ("client(1)", How.GUESSED, ["client(1)"]),
        ("Client()(1)", How.GUESSED, ["Client()(1)"]),
        ("print(str(client(1)))", How.GUESSED, ["client(1)"]),
        ("(lambda: 1)()", How.GUESSED, ["(lambda: 1)()"]),
        ("table['a'](1)", How.GUESSED, ["table['a'](1)"]),
        ("functools.partial(save, 1)()", How.CALLED, ["functools.partial(save, 1)()"]),
    ],
)
def test_expression_that_made_it(statement: str, how: How, expressions: list[str]) -> None:
    """The call by the name, the attribute, the function handed over, or the only call left."""
    text = f"async def test_it():\n    {statement}\n"
    assert _found(text, 2, "save") == (how, expressions)


@pytest.mark.parametrize("statement", ["one(two())", "next(items)", "a + b", "print(save)"])
def test_nothing_tells_which_it_was(statement: str) -> None:
    """Where two calls may have made it, or none is there, there is no guess."""
    assert _found(f"def test_it():\n    {statement}\n", 2, "load") is None


def test_operators_are_not_guessed() -> None:
    """What an operator or a statement calls stands in no call of the line."""
    assert _found("check(store[0])\n", 1, "__getitem__") is None
    assert _found("check(client)\n", 1, "__call__") == (How.GUESSED, ["check(client)"])


def test_class_of_a_method_is_none_that_made_it() -> None:
    """``Client()`` makes no coroutine of ``Client.__call__``."""
    file = _file("c = Client(); c(3)\n")
    found = sites.find(file, 1, frozenset({"__call__"}), frozenset({"Client"}))
    assert found is not None
    assert [ast.unparse(path[-1]) for path in found[1]] == ["c(3)"]


@pytest.mark.parametrize(
    ("text", "scope", "name"),
    [
        ("save()", Scope.MODULE, None),
        ("def f(): save()", Scope.SYNC, "f"),
        ("async def f(): save()", Scope.ASYNC, "f"),
        ("async def f(): lambda: save()", Scope.LAMBDA, None),
        ("async def f():\n  def g(): save()", Scope.SYNC, "g"),
        ("def f():\n  async def g(): save()", Scope.ASYNC, "g"),
        ("class C: save()", Scope.CLASS, "C"),
        ("async def f(): [save() for _ in 'ab']", Scope.ASYNC, "f"),
        ("async def out():\n    def f(x=save()): ...", Scope.ASYNC, "out"),
        ("async def out():\n    def f(*, x=save()): ...", Scope.ASYNC, "out"),
        ("async def out():\n    f = lambda x=save(): x", Scope.ASYNC, "out"),
        ("async def out():\n    @save()\n    def f(): ...", Scope.ASYNC, "out"),
        ("async def out():\n    class K(save()): ...", Scope.ASYNC, "out"),
        ("async def out():\n    class K:\n        x = save()", Scope.CLASS, "K"),
        ("async def out():\n    class K:\n        def f(x=save()): ...", Scope.CLASS, "K"),
        ("async def out():\n    class K:\n        f = lambda: save()", Scope.LAMBDA, None),
        ("async def out():\n    def f(x: save()): ...", Scope.LATER, None),
        ("async def out():\n    def f() -> save(): ...", Scope.LATER, None),
        ("async def out():\n    x: save() = 1", Scope.LATER, None),
    ],
)
def test_what_runs_an_expression(text: str, scope: Scope, name: str | None) -> None:
    """Defaults, decorators and bases are run by the function around; a class body by itself."""
    lineno = next(n for n, line in enumerate(text.splitlines(), 1) if "save()" in line)
    found = sites.find(_file(text), lineno, SAVE)
    assert found is not None
    around = sites.around(found[1][0])
    assert (around.scope, getattr(around.node, "name", None)) == (scope, name)


@pytest.mark.parametrize(
    ("text", "generators"),
    [
        ("all(save(x) for x in xs)", 1),
        ("all(x for x in save())", 0),
        ("all(x for y in xs for x in save(y))", 1),
        ("all(x for x in xs if save(x))", 1),
        ("[save(x) for x in xs]", 0),
    ],
)
def test_generator_expressions_around(text: str, generators: int) -> None:
    """What an expression iterates first is worked out around it."""
    found = sites.find(_file(text), 1, SAVE)
    assert found is not None
    assert len(sites.around(found[1][0]).generators) == generators


@pytest.mark.parametrize(
    ("text", "is_builtin", "is_eager"),
    [
        ("all(save())", True, True),
        ("print(save())", True, False),
        ("', '.join(save())", False, True),
        ("session.all(save())", False, False),
        ("def all(xs): ...\nall(save())", False, False),
        ("from app import every as all\nall(save())", False, False),
    ],
)
def test_pythons_own_functions(text: str, is_builtin: bool, is_eager: bool) -> None:
    """A function of a name that Python has, too, is the file's own, or its owner's."""
    file = _file(text)
    call = next(
        node for node in file.nodes if isinstance(node, ast.Call) and called_name(node) != "save"
    )
    assert (sites.builtin(file, call) is not None, sites.is_eager(file, call)) == (
        is_builtin,
        is_eager,
    )


@pytest.mark.parametrize(
    ("statement", "is_returned"),
    [
        ("return save()", True),
        ("return ready or save()", True),
        ("return save() if ready else None", True),
        ("return [save()]", False),
        ("return save().value", False),
        ("lambda: save()", True),
        ("x = save()", False),
    ],
)
def test_what_a_function_gives(statement: str, is_returned: bool) -> None:
    """What a function returns as it is, is its caller's to await."""
    found = sites.find(_file(f"def f():\n    {statement}\n"), 2, SAVE)
    assert found is not None
    assert sites.is_returned(found[1][0]) is is_returned


# the statement in `async def test_it()`, the name that is looked for -> the line mended
MENDED = {
    "save(1)": ("save", "await save(1)"),
    "store.save(1)": ("save", "await store.save(1)"),
    "x = save(1)": ("save", "x = await save(1)"),
    "x = save(1)  # why": ("save", "x = await save(1)"),
    "x = save('# no comment')": ("save", "x = await save('# no comment')"),
    "x = save(1).value": ("save", "x = (await save(1)).value"),
    "x = save(1)[0]": ("save", "x = (await save(1))[0]"),
    "x = save(1)()": ("save", "x = (await save(1))()"),
    "assert save(1) == 2": ("save", "assert await save(1) == 2"),
    "print(save(1), other(2))": ("save", "print(await save(1), other(2))"),
    "print(save(1), save(2))": ("save", "print(await save(1), await save(2))"),
    "other(save(1))": ("other", "await other(save(1))"),
    "return save(1)": ("save", "return await save(1)"),
    "x = 'ä€😀'; save('ü')": ("save", "x = 'ä€😀'; await save('ü')"),
    "if save(1): pass": ("save", "if await save(1): pass"),
    "f'{save(1)} {save(2)=}'": ("save", "f'{await save(1)} {await save(2)=}'"),
    "x = 2 ** save(1)": ("save", "x = 2 ** await save(1)"),
    "x = -save(1)": ("save", "x = -await save(1)"),
    "if (x := save(1)): pass": ("save", "if (x := await save(1)): pass"),
    "print(*save(1))": ("save", "print(*await save(1))"),
    "async with save(1): pass": ("save", "async with await save(1): pass"),
    "for x in save(1): pass": ("save", "for x in await save(1): pass"),
    "functools.partial(save, 1)()": ("save", "await functools.partial(save, 1)()"),
    "(save)(1)": ("save", "await (save)(1)"),
}


def _mended(text: str, lineno: int, name: str) -> rewrites.Rewrite | None:
    file = _file(text)
    found = sites.find(file, lineno, frozenset({name}))
    assert found is not None
    pieces: list[rewrites.Piece] = []
    changes: dict[ast.AST, ast.AST] = {}
    for path in found[1]:
        call = path[-1]
        assert isinstance(call, ast.expr)
        added, changes[call] = rewrites.awaited(call, path[-2])
        pieces += added
    shown = found[1][0][-1]
    assert isinstance(shown, ast.expr)
    return rewrites.rewrite("test_it.py", file, pieces, changes, shown)


@pytest.mark.parametrize("statement", list(MENDED))
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_mended_line(statement: str, newline: str) -> None:
    """The line with the await put in is one that can be pasted, and its edits give that text."""
    name, mended = MENDED[statement]
    text = f"async def test_it():\n    {statement}\n"
    made = _mended(text, 2, name)
    assert made is not None
    assert made.shown == (mended,)
    new = edited(text.replace("\n", newline), made.edits)
    comment = "  # why" if "# why" in statement else ""
    assert new == f"async def test_it():\n    {mended}{comment}\n".replace("\n", newline)


def test_call_over_several_lines() -> None:
    """A call over several lines is mended on each of them, and all of them are shown."""
    text = "async def test_it():\n    store.save(\n        1,\n        two=2,\n    )\n"
    for lineno in (2, 3, 4, 5):
        made = _mended(text, lineno, "save")
        assert made is not None
        assert made.shown == ("await store.save(", "    1,", "    two=2,", ")")
        assert made.edits == (Edit("test_it.py", 2, 4, "store", "await store"),)


def test_rewrite_that_is_not_meant() -> None:
    """Text that parses as something else than the tree that was meant is no rewrite."""
    file = _file("async def f():\n    x = a + save()\n")
    found = sites.find(file, 2, SAVE)
    assert found is not None
    call = found[1][0][-1]
    assert isinstance(call, ast.Call)
    pieces = [rewrites.before(call, "not ")]
    assert rewrites.rewrite("f.py", file, pieces, {call: ast.Await(call)}, call) is None
    assert rewrites.rewrite("f.py", file, [rewrites.before(call, "await ")], {}, call) is None


@pytest.mark.parametrize("text", ["\x1b", "x" * 400, " ::error::"])
def test_line_that_is_not_shown_as_it_is(text: str) -> None:
    """Where the text of a report would be another than the file's, there is no rewrite."""
    assert _mended(f"async def f():\n    save('{text}')\n", 2, "save") is None


def test_edits_of_one_file() -> None:
    """Equal edits are made once; what stands elsewhere now, or is in the way, makes none."""
    text = "one(two())\n"
    first = Edit("f.py", 1, 0, "one", "await one")
    second = Edit("f.py", 1, 4, "two", "await two")
    assert edited(text, [second, first, first]) == "await one(await two())\n"
    for others in (
        [Edit("f.py", 1, 0, "on", "no")],
        [Edit("f.py", 1, 0, "three", "four")],
        [Edit("f.py", 9, 0, "one", "two")],
        [Edit("f.py", 0, 0, "one", "two")],
    ):
        with pytest.raises(Stale):
            edited(text, [first, *others])
