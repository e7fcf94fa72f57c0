"""What comes back: a prediction for each row, or what is wrong with it, as JSON, JSON Lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from containers.serving.predictor import Predictor
from containers.serving.refusal import BAD_REQUEST, NOT_ACCEPTABLE, Problem, Refused
from containers.serving.rows import Rows

Prediction = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """One entry a row, in the order of the request."""

    entries: tuple[Prediction | Problem, ...]


def answer(asked: Rows, predictor: Predictor) -> Answer:
    """Predict every row at once; rows with a problem get the problem."""
    features = predictor.features(asked.table)
    scores = predictor.score(features)
    decisions = predictor.decide(scores)
    classes = [str(each) for each in predictor.flow.label.classes]
    found: list[dict[str, Any]]
    if predictor.problem == "regression":
        found = [{"prediction": decision} for decision in decisions]
    elif scores.ndim == 1:
        pairs = zip(decisions, scores.tolist(), strict=True)
        found = [{"decision": decision, "probability": score} for decision, score in pairs]
    else:
        triples = zip(decisions, scores.max(axis=1).tolist(), scores.tolist(), strict=True)
        found = [
            {"decision": each, "probability": most, "probabilities": dict(zip(classes, row, strict=True))}
            for each, most, row in triples
        ]
    if asked.explain:
        for entry, contributions in zip(found, predictor.explain(features), strict=True):
            entry["contributions"] = contributions
    return Answer(tuple(asked.problems.get(place, entry) for place, entry in enumerate(found)))


def write(found: Answer, accept: str) -> tuple[str, str]:
    """The body and its content type.

    Raises:
        Refused: nothing that is accepted can be written, or no row could be predicted.
    """
    kind = _kind(accept)
    if all(isinstance(entry, Problem) for entry in found.entries):
        raise Refused(BAD_REQUEST, _said(found))
    return WRITERS[kind](found), kind


def problems(found: Answer) -> dict[str, Any]:
    """The rows that have a problem, for a response that refuses the request."""
    wrong = [entry.document() for entry in found.entries if isinstance(entry, Problem)]
    return {"errors": wrong} if wrong else {}


def _kind(accept: str) -> str:
    wanted = [each.partition(";")[0].strip().lower() for each in (accept or "*/*").split(",")]
    for each in wanted:
        if each in ("*/*", "application/*", ""):
            return "application/json"
        if each == "text/*":
            return "text/csv"
        if each in WRITERS:
            return each
    raise Refused(NOT_ACCEPTABLE, f"None of {accept!r} can be written; there is {', '.join(WRITERS)}.")


def _said(found: Answer) -> str:
    wrong = [entry for entry in found.entries if isinstance(entry, Problem)]
    first = "; ".join(f"row {entry.row}: {entry.message}" for entry in wrong[:3])
    more = f" And {len(wrong) - 3} more." if len(wrong) > 3 else ""
    return f"{len(wrong)} of {len(found.entries)} rows cannot be predicted: {first}{more}"


def _write_json(found: Answer) -> str:
    return json.dumps({"predictions": [_entry(each) for each in found.entries]}, ensure_ascii=False)


def _write_json_lines(found: Answer) -> str:
    return "\n".join(json.dumps(_entry(each), ensure_ascii=False) for each in found.entries) + "\n"


def _write_csv(found: Answer) -> str:
    """``decision,probability`` a line; of a regression the prediction alone. Explanations need JSON."""
    if any(isinstance(entry, Problem) for entry in found.entries):
        raise Refused(
            BAD_REQUEST, f"{_said(found)} (With Accept: application/json, the others are answered.)"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("decision", "probability", "prediction")
    writer.writerows(
        [each[name] for name in names if name in each]
        for each in found.entries
        if not isinstance(each, Problem)
    )
    return text.getvalue()


def _entry(each: Prediction | Problem) -> Mapping[str, Any]:
    return {"error": each.document()} if isinstance(each, Problem) else each


WRITERS: Mapping[str, Callable[[Answer], str]] = {
    "application/json": _write_json,
    "application/jsonlines": _write_json_lines,
    "text/csv": _write_csv,
}
