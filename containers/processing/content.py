"""A hash of a table's content: the same for the same rows, however they were cut into files and pieces."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class ContentHash:
    """SHA-256 over schema and values, fed table by table. Row order and column order count; chunking does not."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns = [(hashlib.sha256(), hashlib.sha256()) for _ in schema]

    def add(self, table: pa.Table) -> None:
        """Feed the next rows."""
        for (shapes, values), column in zip(self._columns, table.columns, strict=True):
            for chunk in column.chunks:
                shape, value = _bytes(chunk)
                shapes.update(shape)
                values.update(value)

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        whole = hashlib.sha256()
        for field, (shapes, values) in zip(self._schema, self._columns, strict=True):
            whole.update(f"{field.name}\0{field.type}\0".encode())
            whole.update(shapes.digest() + values.digest())
        return whole.hexdigest()


def _bytes(array: pa.Array) -> tuple[bytes, bytes]:
    """An array as (what is there, how long) and (the values), both little-endian and without regard to chunks."""
    if pa.types.is_string(array.type):
        lengths = _little_endian(pc.fill_null(pc.binary_length(array), -1), np.int32)
        return lengths, _text_bytes(pc.drop_null(array))
    there = _little_endian(pc.is_valid(array), np.uint8)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    dtype = np.float64 if pa.types.is_floating(array.type) else np.int64
    return there, _little_endian(pc.fill_null(array, 0), dtype)


def _text_bytes(texts: pa.Array) -> bytes:
    """The UTF-8 of all texts one after the other; Arrow keeps them so."""
    if not len(texts):
        return b""
    _, offsets, values = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return values[int(ends[0]) : int(ends[-1])].to_pybytes() if values is not None else b""


def _little_endian(array: pa.Array, dtype: Any) -> bytes:
    values: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False).astype(dtype)
    return (values if sys.byteorder == "little" else values.byteswap()).tobytes()
