"""The mutants of a source file: small changes, each of which a test should notice.

A mutant replaces one piece of the text, so line numbers and everything else stay as they are. Messages of errors, type
annotations, docstrings and decorators are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
OPERATORS = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
PAIRS = [
    *(("min", "max"), ("minimum", "maximum"), ("amin", "amax"), ("argmin", "argmax"), ("any", "all")),
    *(("sum", "mean"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("floor", "ceil"), ("left", "right")),
    *(("startswith", "endswith"), ("removeprefix", "removesuffix")),
]
OTHER_NAME = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
METHODS_TO_DROP = {
    *("abs", "casefold", "clamp", "clip", "clone", "contiguous", "copy", "detach", "double", "expand", "flatten"),
    *("float", "lower", "masked_fill", "nan_to_num", "sort", "squeeze", "strip", "to", "unique", "upper"),
}
LIBRARIES = ("math", "np", "torch")
FUNCTIONS_TO_DROP = {"abs", "ascontiguousarray", "int", "reversed", "round", "set", "sort", "sorted", "unique"}


@dataclass(frozen=True)
class Mutant:
    """One change of one file, named by text and not by line numbers, so that the name outlives other changes."""

    file: str  # from the root of the repository
    function: str  # with the classes and functions around it, "<module>" outside of one
    line: str  # the lines that change, white space collapsed
    becomes: str
    text: str  # the whole file with the change

    def is_python(self) -> bool:
        """Whether the text can be parsed."""
        try:
            ast.parse(self.text)
        except SyntaxError:
            return False
        return True

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What tells it from others and outlives a move of its file to another folder; keys the equivalent ones."""
        return Path(self.file).name, self.function, self.line, self.becomes


def optional_parameters(sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names of parameters that may be None or are bool, with the values that a forgotten argument would have."""
    found: dict[str, tuple[str, ...]] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.arg) and node.annotation is not None:
                annotation = ast.unparse(node.annotation)
                if annotation.endswith("| None"):
                    found[node.arg] = ("None",)
                elif annotation == "bool":
                    found[node.arg] = ("False", "True")
    return found


def mutants_of(file: str, source: str, optional: dict[str, tuple[str, ...]]) -> list[Mutant]:
    """All mutants of a file, in the order of its text; a few of them may not be Python."""
    raw, tree = source.encode() + b"\n", ast.parse(source)
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen, found = {source}, []
    for first, last, new, function in sorted(_Changes(tree, raw, starts, optional)):
        text = (raw[:first] + new.encode() + raw[last:-1]).decode()
        if text in seen:
            continue
        seen.add(text)
        begin, end = raw.rfind(b"\n", 0, first) + 1, raw.find(b"\n", last)
        before, after = raw[begin:first].decode(), raw[last:end].decode()
        line, becomes = (" ".join((before + part + after).split()) for part in (raw[first:last].decode(), new))
        found.append(Mutant(file, function, line, becomes, text))
    return found


Change = tuple[int, int, str, str]
"""First and last byte, what comes in their place, and the function that they belong to."""


class _Changes(ast.NodeVisitor):
    """Iterates over the changes of a file; equal ones may be among them."""

    def __init__(self, tree: ast.Module, raw: bytes, starts: list[int], optional: dict[str, tuple[str, ...]]) -> None:
        self.raw, self.starts, self.optional = raw, starts, optional
        self.scope: list[str] = []
        self.assigned: set[str] = set()
        self.changes: list[Change] = []
        self.visit(tree)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        first = self.starts[node.lineno - 1] + node.col_offset  # pyright: ignore[reportAttributeAccessIssue]
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset  # pyright: ignore[reportAttributeAccessIssue]

    def _text(self, node: ast.AST) -> str:
        first, last = self._span(node)
        return self.raw[first:last].decode()

    def _replace(self, node: ast.AST, *news: str) -> None:
        self._put(*self._span(node), *news)

    def _put(self, first: int, last: int, *news: str) -> None:
        function = ".".join(self.scope) or "<module>"
        self.changes += [(first, last, new, function) for new in news]

    def _between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> None:
        """Change the operator between two nodes."""
        first, last = self._span(left)[1], self._span(right)[0]
        pattern = r"\s+".join(map(re.escape, old.split()))
        if place := re.search(pattern.encode(), self.raw[first:last]):
            self._put(first + place.start(), first + place.end(), new)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self.assigned = self.assigned, {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        self.scope.append(node.name)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()
        self.assigned = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scope.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")

    def visit_Assert(self, node: ast.Assert) -> None:
        """Assertions tell the type checker something: nothing to change."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._replace(node, "pass")
            self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None or isinstance(node.value, ast.Constant):
            self._replace(node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "pass")

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        if names & {"__all__"}:
            return
        if names <= self.assigned:  # the name has a value already, or it is an attribute or an item
            self._replace(node, "pass")
        self.assigned |= names
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        self._operator(node.op, node.target, node.value, suffix="=")
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and ast.unparse(node.annotation) != "TypeAlias":
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        self._replace(node.test, "True", "False")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._replace(node.test, "True", "False")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._replace(node.test, "False")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._replace(condition, "True")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, old, new)
        for value in node.values:
            self._replace(value, "True" if old == "and" else "False")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, sides, node.comparators, strict=False):
            self._between(left, right, *COMPARISONS[type(op)])
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                self._replace(side, '"another"')
        self.generic_visit(node)

    def _operator(self, op: ast.operator, left: ast.AST, right: ast.AST, suffix: str = "") -> None:
        if type(op) in OPERATORS:
            old, new = OPERATORS[type(op)]
            self._between(left, right, old + suffix, new + suffix)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return
        self._operator(node.op, node.left, node.right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._replace(node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value))
        elif isinstance(value, int):
            self._replace(node, *{0: ("1",), 1: ("0", "2")}.get(value, (str(value + 1),)))
        elif isinstance(value, float):
            self._replace(node, str(2 * value) if value else "1.0")
        elif value in ("left", "right"):
            self._replace(node, f'"{OTHER_NAME[value]}"')

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text for people."""

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if ast.unparse(node.value) != "Literal":
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in OTHER_NAME:
            last = self._span(node.func)[1]
            self._put(last - len(name.encode()), last, OTHER_NAME[name])
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) not in LIBRARIES:
            if name in METHODS_TO_DROP:
                self._replace(node, self._text(node.func.value))
        elif node.args and name in FUNCTIONS_TO_DROP:
            self._replace(node, f"({self._text(node.args[0])})")
        if name == "where" and len(node.args) == 3:
            yes, no = node.args[1:]
            self._put(self._span(yes)[0], self._span(no)[1], f"{self._text(no)}, {self._text(yes)}")
        self._arguments(node)
        self.generic_visit(node)

    def _arguments(self, node: ast.Call) -> None:
        """Leave out each keyword argument, and give each optional or bool parameter the value of a forgotten one."""
        for keyword in node.keywords:
            first, last = self._span(keyword)
            after = re.match(rb"\s*,\s*", self.raw[last:])
            self._put(first, last + (after.end() if after else 0), "")
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            name = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", None)
            self._replace(value, *self.optional.get(name or "", ()))
