"""The language of the flow's ``formula`` operator: arithmetic over columns, and nothing else.

A formula is parsed with Python's own parser and then held to a whitelist of nodes; it is never compiled or
run as Python. ``containers.flow.formula`` computes it.

    amount / max(duration, 1)        where(home == visited, 0, 1)        col("hours-per-week") > 40
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

LONGEST = 1000  # characters: a formula is a line in a settings file, not a program

# Function -> the least and the most arguments it takes (None: any number).
FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "min": (2, None),
    "max": (2, None),
    "abs": (1, 1),
    "log": (1, 1),
    "log1p": (1, 1),
    "exp": (1, 1),
    "sqrt": (1, 1),
    "round": (1, 2),
    "where": (3, 3),
    "is_missing": (1, 1),
}
COLUMN = "col"  # col("a name that is no identifier")

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
UNARY = (ast.UAdd, ast.USub, ast.Not)
EQUALITY = (ast.Eq, ast.NotEq)
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class FormulaError(ValueError):
    """The formula is not of the language, or does not fit the columns."""


@dataclass(frozen=True)
class Formula:
    """A formula of the language: its text, its tree, and the columns that it reads, as they appear."""

    text: str
    tree: ast.expr
    columns: tuple[str, ...]


def parse(text: str) -> Formula:
    """The formula that ``text`` says.

    Raises:
        FormulaError: it says something that is not of the language; the message names it.
    """
    if len(text) > LONGEST:
        raise FormulaError(f"the formula has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise FormulaError(f"cannot read '{text}': {reason}") from None
    columns: dict[str, None] = {}
    _check_nodes(tree, columns)
    return Formula(text, tree, tuple(columns))


def check_types(formula: Formula, types: Mapping[str, str]) -> None:
    """Whether the formula makes sense with columns of these types, and yields a number.

    Raises:
        FormulaError: text where a number belongs, or the other way round.
    """
    if _kind(formula.tree, types) != "number":
        raise FormulaError(f"'{formula.text}' yields text; a formula yields a number")


def column_of(node: ast.expr) -> str | None:
    """The column that this node names (``age`` or ``col("age")``), or None where it is something else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))], keywords=[]):
            return name
    return None


def _check_nodes(node: ast.expr, columns: dict[str, None]) -> None:
    """Walk the tree, collect the columns, and refuse what is not of the language."""
    name = column_of(node)
    if name is not None:
        columns[name] = None
        return
    for child in _children(node):
        _check_nodes(child, columns)


def _children(node: ast.expr) -> list[ast.expr]:
    """The operands of a node of the language; every other node is refused here."""
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=complex()):
            raise FormulaError(f"'{ast.unparse(node)}' is no number; write 1 or 0")
        case ast.Constant(value=int() | float() | str()):
            return []
        case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, ARITHMETIC):
            return [left, right]
        case ast.UnaryOp(op=operator, operand=operand) if isinstance(operator, UNARY):
            return [operand]
        case ast.BoolOp(values=values):
            return values
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if isinstance(
            operator, EQUALITY + ORDER
        ):
            return [left, right]
        case ast.Compare():
            raise FormulaError(f"'{ast.unparse(node)}': compare two things at a time, with == != < <= > >=")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _arguments(name, arguments)
        case ast.IfExp():
            raise FormulaError(f"'{ast.unparse(node)}': write where(condition, then, otherwise)")
    raise FormulaError(f"'{ast.unparse(node)}' is not arithmetic over columns")


def _arguments(name: str, arguments: list[ast.expr]) -> list[ast.expr]:
    """The arguments of a call, once the function is known and their number is right."""
    if name == COLUMN:
        raise FormulaError('col takes one column name in quotes: col("hours-per-week")')
    if name not in FUNCTIONS:
        close = get_close_matches(name, FUNCTIONS, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else f" Known: {', '.join(FUNCTIONS)}."
        raise FormulaError(f"unknown function '{name}'.{hint}")
    least, most = FUNCTIONS[name]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        takes = f"{least}" if most == least else f"at least {least}" if most is None else f"{least} to {most}"
        raise FormulaError(f"{name} takes {takes} argument(s), got {len(arguments)}")
    if name == "round" and len(arguments) == 2:
        digits = arguments[1]
        if not (isinstance(digits, ast.Constant) and type(digits.value) is int and 0 <= digits.value <= 15):
            raise FormulaError("round takes the number of digits as a whole number from 0 to 15")
    return arguments


def _kind(node: ast.expr, types: Mapping[str, str]) -> str:
    """Whether a node yields a ``number`` or ``text``."""
    name = column_of(node)
    if name is not None:
        return _column_kind(name, types[name])
    if isinstance(node, ast.Constant):
        return "text" if isinstance(node.value, str) else "number"
    kinds = [_kind(child, types) for child in _children(node)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "is_missing":
        return "number"
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], EQUALITY):
        if len(set(kinds)) > 1:
            raise FormulaError(f"'{ast.unparse(node)}' compares text with a number")
        return "number"
    if "text" in kinds:
        raise FormulaError(f"'{ast.unparse(node)}' calculates with text; text can only be compared (== !=)")
    return "number"


def _column_kind(name: str, type_: str) -> str:
    """What a column of this type is to a formula."""
    if type_ == "timestamp":
        raise FormulaError(f"'{name}' is a timestamp; take parts of it first (date_parts)")
    return "text" if type_ == "string" else "number"
