"""What AWS's framework containers read and write where a user's script does not: CSV, JSON and NumPy's own format.

https://github.com/aws/sagemaker-containers (the encoders of scikit-learn's and XGBoost's images)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
LIBSVM, X_LIBSVM = "text/libsvm", "text/x-libsvm"
TEXTS = (JSON, CSV)  # a script gets these as text, all others as bytes


class UnsupportedFormat(Exception):
    """A content type that cannot be read, or one that cannot be written."""

    def __init__(self, content_type: str) -> None:
        super().__init__(f'Content type "{content_type}" is not supported by this framework.')


def decode(body: str | bytes, content_type: str) -> Array:
    """The array in a request. Raises UnsupportedFormat, ValueError."""
    if content_type not in _DECODERS:
        raise UnsupportedFormat(content_type)
    return _DECODERS[content_type](body)


def encode(prediction: Any, accept: str) -> str | bytes:
    """A prediction as ``accept`` wants it. Raises UnsupportedFormat."""
    if accept not in _ENCODERS:
        raise UnsupportedFormat(accept)
    return _ENCODERS[accept](prediction)


def decode_matrix(body: str | bytes, content_type: str) -> Any:
    """The ``xgboost.DMatrix`` in a request, as XGBoost's image reads it: an empty cell is a missing value."""
    import xgboost

    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode() if isinstance(body, bytes) else body
    # One thread: a request has few rows, and threads that wait for each other take longer than the work.
    if kind == CSV:
        return xgboost.DMatrix(numbers(text), nthread=1)
    if kind in (LIBSVM, X_LIBSVM):
        return xgboost.DMatrix(sparse(text), nthread=1)
    raise UnsupportedFormat(kind)


def numbers(text: str) -> Array:
    """(rows, columns) of the numbers in CSV without a header. Raises ValueError."""
    lines = text.strip().splitlines()
    delimiter = _delimiter(lines[0]) if lines else ","
    cells = [[cell.strip() or "nan" for cell in line.split(delimiter)] for line in lines]
    widths = {len(row) for row in cells}
    if len(widths) > 1:
        raise ValueError(f"rows of {', '.join(map(str, sorted(widths)))} columns; all must have equally many")
    return np.array(cells, dtype=np.float64)


def sparse(text: str) -> Any:
    """A SciPy CSR matrix of the rows of libsvm text; indices that all begin at 1 are taken down by one."""
    import scipy.sparse

    rows, columns, values = [], [], []
    lines = text.strip().splitlines()
    for number, line in enumerate(lines):
        for entry in line.split():
            index, colon, value = entry.partition(":")
            if colon:
                rows.append(number)
                columns.append(int(index))
                values.append(float(value))
    first = 1 if columns and min(columns) >= 1 else 0
    shifted = np.array(columns, dtype=int) - first
    shape = (len(lines), int(shifted.max()) + 1 if columns else 0)
    return scipy.sparse.csr_matrix((values, (rows, shifted)), shape=shape)


def _delimiter(line: str) -> str:
    """The delimiter of a line, which the image guesses; it takes a letter or digit for a wrong guess."""
    if "," in line and not any(other in line for other in "; \t|"):
        return ","  # guessing takes longer than predicting
    try:
        found = csv.Sniffer().sniff(line[:512]).delimiter
    except csv.Error:
        return ","
    return "," if found.isalnum() or found in ".-+" else found


def _from_csv(body: str | bytes) -> Array:
    text = body.decode() if isinstance(body, bytes) else body
    array = np.array(list(csv.reader(io.StringIO(text), strict=True))).squeeze()
    try:
        return array.astype(np.float64)
    except ValueError:
        return array


def _from_npy(body: str | bytes) -> Array:
    array: Array = np.load(io.BytesIO(body if isinstance(body, bytes) else body.encode()), allow_pickle=False)
    return array


def _to_csv(prediction: Any) -> str:
    array = np.array(prediction)
    if array.ndim < 2:
        array = array.reshape(-1, 1)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", strict=True).writerows(array)
    return text.getvalue()


def _to_json(prediction: Any) -> str:
    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")

    return json.dumps(prediction, default=plain)


def _to_npy(prediction: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, prediction)
    return buffer.getvalue()


_DECODERS: Mapping[str, Callable[[str | bytes], Array]] = {
    CSV: _from_csv,
    JSON: lambda body: np.array(json.loads(body)),
    NPY: _from_npy,
}
_ENCODERS: Mapping[str, Callable[[Any], str | bytes]] = {CSV: _to_csv, JSON: _to_json, NPY: _to_npy}
