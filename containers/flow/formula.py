"""The operator ``formula``: computes what ``containers.flow_schema.formula`` parses, column by column.

Missing in, missing out, in every operator and function but ``is_missing`` (and the branch that ``where`` does
not take); a result that is no finite number (a division by zero, the logarithm of 0, an overflow) is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from containers.flow.table import Column, Numbers, Table, finite, is_missing
from containers.flow_schema.formula import column_of, parse


def formula(step: Mapping[str, Any], table: Table) -> Table:
    """The table with the formula's column."""
    rows = len(next(iter(table.values())))
    return table | {step["column"]: finite(_value(_tree(step["expression"]), table, rows))}


@lru_cache
def _tree(expression: str) -> ast.expr:
    return parse(expression).tree


def _value(node: ast.expr, table: Table, rows: int) -> Column:
    """What a node yields, as a column. Constants are columns too, so that all rows go one way."""
    name = column_of(node)
    if name is not None:
        return table[name]
    match node:
        case ast.Constant(value=str(text)):
            return np.full(rows, text, dtype=object)
        case ast.Constant(value=value):
            return np.full(rows, _constant(value))
        case ast.BinOp(left=left, op=operator, right=right):
            return finite(BINARY[type(operator)](_value(left, table, rows), _value(right, table, rows)))
        case ast.UnaryOp(op=operator, operand=operand):
            return UNARY[type(operator)](_value(operand, table, rows))
        case ast.BoolOp(op=operator, values=values):
            return reduce(LOGIC[type(operator)], [_truth(_value(value, table, rows)) for value in values])
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compare(COMPARE[type(operator)], _value(left, table, rows), _value(right, table, rows))
        case ast.Call(func=ast.Name(id="round"), args=[number, ast.Constant(value=int(digits))]):
            return np.round(_value(number, table, rows), digits)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return finite(CALLS[function](*[_value(argument, table, rows) for argument in arguments]))
    raise AssertionError(f"the parser let {ast.dump(node)} through")


def _constant(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return np.nan


def _compare(how: Callable[[Column, Column], Column], left: Column, right: Column) -> Numbers:
    """1 or 0; missing where either side is."""
    either = is_missing(left) | is_missing(right)
    return np.where(either, np.nan, np.asarray(how(left, right), dtype=np.float64))


def _truth(numbers: Numbers) -> Numbers:
    """1 for every number but 0."""
    return np.where(np.isnan(numbers), np.nan, numbers != 0)


def _where(condition: Numbers, then: Numbers, otherwise: Numbers) -> Numbers:
    """Only the branch that is taken has to be there."""
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, then, otherwise))


BINARY: dict[type[ast.operator], Callable[[Column, Column], Column]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
UNARY: dict[type[ast.unaryop], Callable[[Column], Column]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: lambda numbers: 1 - _truth(numbers),
}
LOGIC: dict[type[ast.boolop], Callable[[Column, Column], Column]] = {ast.And: np.minimum, ast.Or: np.maximum}
COMPARE: dict[type[ast.cmpop], Callable[[Column, Column], Column]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
CALLS: dict[str, Callable[..., Column]] = {
    "min": lambda *numbers: reduce(np.minimum, numbers),
    "max": lambda *numbers: reduce(np.maximum, numbers),
    "abs": np.abs,
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "round": np.round,
    "where": _where,
    "is_missing": lambda column: is_missing(column).astype(float),
}
