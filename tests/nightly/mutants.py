"""The mutants of a file, each with one node of its syntax tree changed, and those that no test can notice."""

from __future__ import annotations

import ast
import copy
import tomllib
from pathlib import Path

EQUIVALENT = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text(encoding="utf-8"))

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.MatMult: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
REVERSED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}
WRAPPERS = {"abs", "sqrt", "log", "log1p", "exp"}


def variants(node):
    """Yield what a node may be changed to."""
    if isinstance(node, ast.BinOp):
        yield _with(node, op=SWAPS[type(node.op)]()) if type(node.op) in SWAPS else node.left
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            yield node.left
        if isinstance(node.op, ast.Add | ast.Mult):
            yield node.right
    elif isinstance(node, ast.AugAssign):
        yield ast.Pass()
        if type(node.op) in SWAPS:
            yield _with(node, op=SWAPS[type(node.op)]())
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield _with(node, ops=[SWAPS[type(node.ops[0])]()])
        if type(node.ops[0]) in REVERSED:
            yield _with(node, ops=[REVERSED[type(node.ops[0])]()])
    elif isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            yield _with(node, ops=[*node.ops[:k], SWAPS[type(op)](), *node.ops[k + 1 :]])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=SWAPS[type(node.op)]())
        yield from node.values
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(2 * node.value)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.If | ast.While):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in NAMES:
            key = "attr" if isinstance(node.func, ast.Attribute) else "id"
            yield _with(node, func=_with(node.func, **{key: NAMES[name]}))
        if name in WRAPPERS and len(node.args) == 1:
            yield node.args[0]
    elif isinstance(node, ast.Return) and node.value is not None:
        yield _with(node, value=ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def _with(node, **changes):
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


SKIPPED = {
    "annotation",
    "returns",
    "decorator_list",
    "defaults",
    "kw_defaults",
    "exc",
    "msg",
    "format_spec",
    "slice",
}


def places(tree):
    """Yield (parent, field, index, node) of what may be changed, inside functions and module constants."""

    def walk(node):
        for field, value in ast.iter_fields(node):
            if field in SKIPPED:
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise | ast.arguments):
                    continue
                yield node, field, index, child
                yield from walk(child)

    for owner in _owners(tree):
        yield from walk(owner)


def _owners(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (item for item in node.body if isinstance(item, ast.FunctionDef))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Constant):
            yield node


def mutants(source):
    """Yield (line, before, after, source of the mutant), each mutant once."""
    tree, seen = ast.parse(source), set()
    for parent, field, index, node in places(tree):
        for variant in variants(node):
            before, after = ast.unparse(node), ast.unparse(ast.fix_missing_locations(copy.deepcopy(variant)))
            changed = ast.copy_location(copy.deepcopy(variant), node)
            _put(parent, field, index, changed)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, index, node)
            if text not in seen:
                seen.add(text)
                yield node.lineno, before, after, text


def _put(parent, field, index, node):
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node
