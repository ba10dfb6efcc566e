"""What `--where` asks of a row: comparisons of columns with values and with each other, joined by and, or, not.

A condition is read as Python reads it, and worked out here, part by part: nothing that it names is called.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort import typed_tables

if TYPE_CHECKING:
    import pandas as pd

_MOST = 1000
_LONGEST = 10_000
_EXPECTED = "Expected something like \"use_embryo_flag and area_um2 > 1e5\" or \"well in ['A01', 'A02']\""
_CALCULATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.In: lambda one, many: _is_in(one, many), ast.NotIn: lambda one, many: ~_is_in(one, many),
}  # fmt: skip
_SIGNS: Mapping[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_JOINTS: Mapping[type, Callable[[Any, Any], Any]] = {ast.And: operator.and_, ast.Or: operator.or_}


class Condition:
    """A condition on the rows of a table with these columns; where a blank cell leaves it open, it is not fulfilled.

    Raises ConfigError for what can't be read, names no column, is more than comparisons, or compares text with numbers.
    """

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self._text, self._columns = text, columns
        try:
            self._tree = ast.parse(text.strip()[: _LONGEST + 1], mode="eval").body
            nodes = list(ast.walk(self._tree))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._wrong(f"can't be read: {error.args[0] if error.args else 'too deep'}. {_EXPECTED}") from error
        if len(text) > _LONGEST or len(nodes) > _MOST:
            raise self._wrong(f"too long: at most {_LONGEST} characters and {_MOST} parts are read")
        for name in (node.id for node in nodes if isinstance(node, ast.Name)):
            if name not in columns:
                raise self._wrong(f"no column {name!r}{suggest(name, columns)}")
        self.keep(b"", "")  # what is wrong with any table of these columns is said before anything is printed

    def keep(self, lines: bytes, name: str) -> bytes:
        """Those of the lines of a table that fulfil it; `name` is for messages. Raises ConfigError as above."""
        frame = typed_tables.frame(typed_tables.typed(lines, self._columns, name))
        try:
            fulfilled = _as_flags(self._value(self._tree, frame), frame).fillna(value=False)
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise self._wrong(f"can't be told of this table: {error}. {_EXPECTED}") from error
        pairs = zip(lines.splitlines(keepends=True), fulfilled.tolist(), strict=True)
        return b"".join(line for line, is_fulfilled in pairs if is_fulfilled)

    def _value(self, node: ast.expr, frame: "pd.DataFrame") -> Any:
        """What a part comes to, a value a row or one for all."""
        match node:
            case ast.Constant(value=str() | int() | float() as value):
                return value
            case ast.Name(id=name):
                return frame[name]
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self._value(part, frame) for part in parts]
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return ~_as_flags(self._value(part, frame), frame)
            case ast.UnaryOp(op=sign, operand=part) if type(sign) in _SIGNS:
                return _SIGNS[type(sign)](*_numbers(self._value(part, frame)))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _CALCULATIONS:
                return _CALCULATIONS[type(sign)](*_numbers(self._value(left, frame), self._value(right, frame)))
            case ast.BoolOp(op=joint, values=parts):
                flags = [_as_flags(self._value(part, frame), frame) for part in parts]
                return reduce(_JOINTS[type(joint)], flags)
            case ast.Compare(left=left, ops=signs, comparators=parts) if all(
                type(sign) in _COMPARISONS for sign in signs
            ):
                values = [self._value(part, frame) for part in (left, *parts)]
                flags = [
                    _as_flags(_compared(sign, one, other), frame)
                    for sign, one, other in zip(signs, values, values[1:], strict=False)
                ]
                return reduce(operator.and_, flags)
        raise self._wrong(f"{ast.unparse(node)} is not understood. {_EXPECTED}")

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"--where {self._text[:_MOST]!r}: {what}")


def _as_flags(value: Any, frame: "pd.DataFrame") -> Any:
    """A value as True, False or missing a row. Raises TypeError for what is neither."""
    import pandas as pd

    flags = value if isinstance(value, pd.Series) else pd.Series(value, index=frame.index)
    if not pd.api.types.is_bool_dtype(flags.dtype):
        raise TypeError(f"{flags.name or value} is not True or False")
    return flags.astype("boolean")


def _numbers(*values: Any) -> tuple[Any, ...]:
    """The same values. Raises TypeError if one is text or a list."""
    for value in values:
        if isinstance(value, list) or _is_text(value):
            raise TypeError(f"only numbers are calculated with, and {_named(value)} is none")
    return values


def _compared(sign: ast.cmpop, one: Any, other: Any) -> Any:
    """Two values compared. Raises TypeError for text and a number: they would only never be the same."""
    if len({_is_text(part) for part in (*_parts(one), *_parts(other))}) > 1:
        text, number = sorted((one, other), key=lambda value: not any(map(_is_text, _parts(value))))
        raise TypeError(f"{_named(text)} is text and {_named(number)} is not; text stands in quotes, numbers do not")
    return _COMPARISONS[type(sign)](one, other)


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_string_dtype(value.dtype) if isinstance(value, pd.Series) else isinstance(value, str)


def _named(value: Any) -> str:
    """How a message names a column or a value."""
    return str(getattr(value, "name", None) or repr(value))


def _is_in(one: Any, many: Any) -> Any:
    """Whether each value is among many; missing if it is missing itself."""
    if not isinstance(many, list):
        raise TypeError("`in` asks for a list")
    return one.isin(many).astype("boolean").mask(one.isna())
