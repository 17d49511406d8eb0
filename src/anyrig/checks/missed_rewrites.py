"""A missed await's line as it is to be: each way out as a rewrite, where it can be proved.

What the ways are for is in `missed_mends`; None where the text does not come out as meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import rewrites, sites
from ..origins import Origins
from ..own import ast
from ..rewrites import Changes, Piece, Rewrite
from ..sites import Scope
from ..source import called_name, text_of
from .missed_await import Missed
from .missed_sites import Found


class Typed:
    """The rewrites of the line where a coroutine was to be awaited."""

    def __init__(self, origins: Origins, missed: Missed, found: Found) -> None:
        self._missed = missed
        self._found = found
        self._node = found.node
        self._around = sites.around(found.paths[0])
        self._file = origins.path(found.frame[0])

    def in_its_place(self, taker: ast.Call) -> Rewrite | None:
        """``await f()`` for ``asyncio.run(f())``."""
        path = self._found.file.path(taker)
        text = self._source(self._node)
        if text is None or sites.is_awaited(path) or taker.args[:1] != [self._node]:
            return None
        pieces, _ = rewrites.awaited(taker, path[-2])
        new = f"(await {text})" if len(pieces) > 1 else f"await {text}"
        changes: Changes = {taker: ast.Await(value=self._node)}
        return self._rewrite([rewrites.instead(taker, new)], changes, taker)

    def run(self) -> Rewrite | None:
        """``asyncio.run(f())`` for ``f()``."""
        pieces = [rewrites.before(self._node, "asyncio.run("), rewrites.after(self._node, ")")]
        run = ast.Attribute(ast.Name("asyncio", ast.Load()), "run", ast.Load())
        changes: Changes = {self._node: ast.Call(func=run, args=[self._node], keywords=[])}
        return self._rewrite(pieces, changes, self._node, imports="asyncio")

    def with_await(self, function: ast.FunctionDef | None = None) -> Rewrite | None:
        """The await put in, and the function made async; a generator expression made a list."""
        pieces: list[Piece] = []
        changes: dict[ast.AST, ast.AST] = {}
        shown: ast.expr = self._node
        for path in self._found.paths:
            call = path[-1]
            assert isinstance(call, ast.expr)
            added, changes[call] = rewrites.awaited(call, path[-2])
            pieces += added
        if self._around.generators:
            listed = self._list_for(self._around.generators)
            if listed is None:
                return None
            added, generator, shown = listed
            pieces = added + pieces
            changes[generator] = ast.ListComp(elt=generator.elt, generators=generator.generators)
        if function is not None:
            pieces.append(rewrites.before(function, "async "))
            fields: dict[str, Any] = dict(ast.iter_fields(function))
            changes[function] = ast.AsyncFunctionDef(**fields)
        return self._rewrite(pieces, changes, shown)

    def _list_for(
        self, generators: tuple[ast.GeneratorExp, ...]
    ) -> tuple[list[Piece], ast.GeneratorExp, ast.expr] | None:
        """The brackets that make a list of a generator expression, where it is iterated at once."""
        if len(generators) != 1 or len(self._found.paths) > 1:
            return None
        generator = generators[0]
        path = self._found.file.path(generator)
        parent = path[-2]
        is_call = isinstance(parent, ast.Call) and sites.is_eager(self._found.file, parent)
        is_loop = isinstance(parent, ast.For | ast.comprehension) and parent.iter is generator
        if not is_call and not is_loop:
            return None
        shown = parent if isinstance(parent, ast.Call) else generator
        line, column = generator.end_lineno or 0, generator.end_col_offset or 0
        is_shared = isinstance(parent, ast.Call) and (line, column) == (
            parent.end_lineno,
            parent.end_col_offset,
        )
        begin = Piece(generator.lineno, generator.col_offset, generator.lineno, 0, "")
        first = begin.column + 1
        if is_shared:  # the brackets of the call are its own
            opening = Piece(begin.line, begin.column, begin.line, first, "([")
            closing = Piece(line, column - 1, line, column, "])")
        else:
            opening = Piece(begin.line, begin.column, begin.line, first, "[")
            closing = Piece(line, column - 1, line, column, "]")
        return [opening, closing], generator, shown

    def handed_over(self, taker: ast.Call) -> Rewrite | None:
        """``start_soon(f)`` for ``start_soon(f())``."""
        inner = self._node
        if not isinstance(inner, ast.Call) or taker.args[:1] != [inner]:
            return None
        function, arguments = self._source(inner.func), self._arguments(inner)
        if function is None or arguments is None:
            return None
        new = f"{function}, {arguments}" if arguments else function
        if inner.keywords:
            partial = ast.Call(
                func=ast.Attribute(
                    value=ast.Name(id="functools", ctx=ast.Load()), attr="partial", ctx=ast.Load()
                ),
                args=[inner.func, *inner.args],
                keywords=inner.keywords,
            )
            pieces = [rewrites.instead(inner, f"functools.partial({new})")]
            return self._rewrite(pieces, {inner: partial}, taker, imports="functools")
        changed = ast.Call(
            func=taker.func,
            args=[inner.func, *inner.args, *taker.args[1:]],
            keywords=taker.keywords,
        )
        return self._rewrite([rewrites.instead(inner, new)], {taker: changed}, taker)

    def comprehended(self, taker: ast.Call, builtin: str) -> Rewrite | None:
        """A list for ``map`` and ``filter``."""
        function = self._node
        if len(taker.args) != 2 or taker.args[0] is not function or taker.keywords:
            return None
        items = taker.args[1]
        texts = self._source(function), self._source(items)
        used = {one.id for one in ast.walk(function) if isinstance(one, ast.Name)}
        name = next(name for name in ("item", "one", "each", "it") if name not in used)
        if None in texts or isinstance(items, ast.Starred) or self._around.generators:
            return None
        awaited = ast.Await(
            value=ast.Call(func=function, args=[ast.Name(name, ast.Load())], keywords=[])
        )
        is_map = builtin == "map"
        loop = ast.comprehension(
            target=ast.Name(name, ast.Store()),
            iter=items,
            ifs=[] if is_map else [awaited],
            is_async=0,
        )
        changed = ast.ListComp(
            elt=awaited if is_map else ast.Name(name, ast.Load()), generators=[loop]
        )
        called = f"await {texts[0]}({name})"
        new = f"{called if is_map else name} for {name} in {texts[1]}"
        new = f"[{new}]" if is_map else f"[{new} if {called}]"
        outer = self._listed(taker)
        return self._rewrite([rewrites.instead(outer, new)], {outer: changed}, outer)

    def _listed(self, call: ast.Call) -> ast.Call:
        """The ``list(...)`` around a call, or the call itself."""
        parent = self._found.file.path(call)[-2]
        is_list = isinstance(parent, ast.Call) and text_of(parent.func) == "list"
        return parent if is_list and isinstance(parent, ast.Call) else call

    def out_of_thread(self, taker: ast.Call) -> Rewrite | None:
        """``await f(1)`` for ``await to_thread(f, 1)``."""
        is_asyncios = called_name(taker) == "to_thread"
        if self._around.scope is not Scope.ASYNC or taker.args[:1] != [self._node]:
            return None
        if not sites.is_awaited(self._found.file.path(taker)):
            return None
        kept = [*taker.args[1:], *(one.value for one in taker.keywords if is_asyncios)]
        function, texts = self._source(self._node), [self._source(one) for one in kept]
        if function is None or None in texts:
            return None
        keywords = taker.keywords if is_asyncios else []
        names = [*("" for _ in taker.args[1:]), *(f"{one.arg}=" for one in keywords)]
        if any(one.arg is None for one in keywords):
            return None
        arguments = ", ".join(f"{name}{text}" for name, text in zip(names, texts, strict=True))
        changed = ast.Call(func=self._node, args=taker.args[1:], keywords=keywords)
        piece = rewrites.instead(taker, f"{function}({arguments})")
        return self._rewrite([piece], {taker: changed}, taker)

    def _is_certain(self) -> bool:
        """Whether the line is known, or is the only one of its function that has the name."""
        if self._missed.exact:
            return True
        name, function = called_name(self._node) or _last(self._node), self._around.node
        nodes = ast.walk(function) if function is not None else ()
        return [_last(one) for one in nodes].count(name) == 1

    def _rewrite(
        self,
        pieces: Iterable[Piece],
        changes: Changes,
        shown: ast.expr,
        imports: str | None = None,
    ) -> Rewrite | None:
        if not self._is_certain() or self._found.frame[0].startswith("<"):
            return None
        return rewrites.rewrite(
            self._file, self._found.file, pieces, changes, shown, imports=imports
        )

    def _source(self, node: ast.AST) -> str | None:
        """The text of an expression that stands on one line."""
        if not isinstance(node, ast.expr) or node.lineno != node.end_lineno:
            return None
        raw = self._found.file.lines[node.lineno - 1].encode()
        return raw[node.col_offset : node.end_col_offset].decode(errors="replace")

    def _arguments(self, call: ast.Call) -> str | None:
        """What stands between the brackets of a call that stands on one line."""
        text, function = self._source(call), self._source(call.func)
        if text is None or function is None:
            return None
        return text[len(function) :].strip()[1:-1].strip().removesuffix(",").strip()


def _last(node: ast.AST) -> str | None:
    """The name, or the last part of a dotted one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
