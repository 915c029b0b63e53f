"""Which small faults can be put into a source file: found in its syntax tree, put into its text."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeGuard

DEFAULT_PATHS = (
    "ca/lint", "ca/names", "ca/csr", "ca/issuance", "ca/revocation", "ca/device", "ca/profiles",
    "ca/keys", "ca/encoding/certificates.py", "ca/encoding/extension_facts.py", "ca/verification.py",
    "ca/store",
)  # fmt: skip
"""Code that decides, beside the files anywhere in ``ca`` that hold rules."""
_SWAPS = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"), ast.Is: ("is", "is not"), ast.IsNot: (r"is\s+not", "is"),
}  # fmt: skip
_NEVER_MUTATED = (ast.Import, ast.ImportFrom, ast.AnnAssign, ast.Assert)


class Mutant(NamedTuple):
    """One fault: where, what it is, and the text of the file with it.

    ``owner`` is the function, class or "module" that it is in, ``code`` the rule's where that
    function is a rule, ``lines`` those of the code with the fault (none: it runs at import).
    """

    path: str
    line: int
    owner: str
    code: str
    what: str
    text: str
    lines: tuple[int, ...]

    @property
    def name(self) -> str:
        """As the table names it."""
        return f"{self.path}:{self.line} {self.code or self.owner}: {self.what}"


def files(root: Path, paths: tuple[str, ...] = ()) -> list[Path]:
    """The files to put faults into: the ones named, else all that decide or hold rules."""
    sample = [root / each for each in paths or DEFAULT_PATHS]
    found = {file for each in sample for file in (each.rglob("*.py") if each.is_dir() else [each])}
    if not paths:
        found |= {each for each in (root / "ca").rglob("*.py") if "@rule(" in each.read_text()}
    return sorted(found)


def mutants_of(root: Path, file: Path) -> list[Mutant]:
    """Every fault of a file, in the order of its lines."""
    source = _Source(str(file.relative_to(root)), file.read_text())
    return sorted(source.mutants(ast.parse(source.text), "module", ""), key=lambda each: each.line)


def sample(every: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them: one of each rule first, then one of each function, then the next of each."""
    dice = random.Random(seed)
    groups: dict[tuple[str, str, str], list[Mutant]] = {}
    for each in every:
        groups.setdefault((each.path, each.owner, each.code), []).append(each)
    ranked = []
    for (_, _, code), members in groups.items():
        dice.shuffle(members)
        ranked += [(rank, not code, dice.random(), each) for rank, each in enumerate(members)]
    picked = sorted(ranked, key=lambda each: each[:3])[:count]
    return sorted((each for *_, each in picked), key=lambda each: (each.path, each.line))


class _Source:
    """A file's text, and the faults that its syntax tree offers."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self._starts = [0]
        for line in text.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def mutants(self, node: ast.AST, owner: str, code: str) -> Iterator[Mutant]:
        """The faults at a node and below it."""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            own = _rule_code(node)
            is_class = isinstance(node, ast.ClassDef)
            owner, code = f"{'class ' * is_class}{node.name}", own or ("" if is_class else code)
            if own:
                yield self._silent_rule(node, own)
        for start, end, new in self._edits(node):
            lines = range(node.lineno, node.end_lineno + 1)  # type: ignore[attr-defined]
            yield self._mutant(start, end, new, lines, owner, code)
        for child in ast.iter_child_nodes(node):
            if not _decides_nothing(child, node):
                yield from self.mutants(child, owner, code)

    def _edits(self, node: ast.AST) -> Iterator[tuple[int, int, str]]:
        """Start, end and new text of each fault at a node itself."""
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for place, operator in enumerate(node.ops):
                old, new = _SWAPS[type(operator)]
                yield self._between(operands[place], operands[place + 1], old, new)
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for one, other in zip(node.values, node.values[1:], strict=False):
                yield self._between(one, other, rf"\b{old}\b", new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield (*self._span(node), self._of(node.operand))
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield (*self._span(node), str(node.value + 1))
            yield (*self._span(node), str(node.value - 1))
        elif isinstance(node, ast.Raise) or _is_yield(node):
            yield (*self._span(node), "pass")
        elif isinstance(node, ast.Return) and _is_violation(node.value):
            yield (*self._span(node), "return None")

    def _silent_rule(self, node: ast.FunctionDef | ast.ClassDef, code: str) -> Mutant:
        first = node.body[1 if ast.get_docstring(node) else 0]
        start = self._place(first.lineno, first.col_offset)
        indented = "return None\n" + " " * first.col_offset
        lines = range(first.lineno, first.lineno + 1)
        return self._mutant(start, start, indented, lines, node.name, code)

    def _mutant(
        self, start: int, end: int, new: str, lines: range, owner: str, code: str
    ) -> Mutant:
        data = self.text.encode()
        old = " ".join(data[start:end].decode().split())
        shown = f"{old[:40]} -> {new}" if old else "says nothing"
        at = self._line(data, start)
        text = (data[:start] + new.encode() + data[end:]).decode()
        context = "" if not old or len(old) > 12 else f"   in: {at}"
        ran = () if owner.startswith(("module", "class ")) else tuple(lines)
        line = lines.start + data[self._place(lines.start, 0) : start].count(b"\n")
        return Mutant(self.path, line, owner, code, shown + context, text, ran)

    def _line(self, data: bytes, start: int) -> str:
        begin = data.rfind(b"\n", 0, start) + 1
        return data[begin : data.find(b"\n", start)].decode().strip()[:90]

    def _between(self, one: ast.expr, other: ast.expr, old: str, new: str) -> tuple[int, int, str]:
        start, end = self._span(one)[1], self._span(other)[0]
        gap = self.text.encode()[start:end].decode()
        match = re.search(old, gap)
        assert match is not None, (self.path, one.lineno, gap)
        return (
            start + len(gap[: match.start()].encode()),
            start + len(gap[: match.end()].encode()),
            new,
        )

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        end = self._place(node.end_lineno, node.end_col_offset)
        return self._place(node.lineno, node.col_offset), end

    def _of(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return f"({self.text.encode()[start:end].decode()})"


def _rule_code(node: ast.FunctionDef | ast.ClassDef) -> str:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "rule":
            first = each.args[0]
            return first.value if isinstance(first, ast.Constant) else ""
    return ""


def _is_yield(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom)


def _is_violation(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and getattr(value.func, "id", "") == "Violation"


def _decides_nothing(child: ast.AST, parent: ast.AST) -> bool:
    """What decides nothing: annotations, imports, decorators, the place-holders of f-strings."""
    if isinstance(child, _NEVER_MUTATED) and not isinstance(child, ast.AnnAssign):
        return True
    if isinstance(child, ast.arguments | ast.JoinedStr):
        return True
    if isinstance(parent, ast.AnnAssign) and child is parent.annotation:
        return True
    if isinstance(parent, ast.FunctionDef | ast.ClassDef):
        return child in parent.decorator_list or child is getattr(parent, "returns", None)
    return isinstance(parent, ast.If) and "TYPE_CHECKING" in ast.dump(parent.test)
