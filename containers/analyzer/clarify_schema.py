"""What may stand in ``analysis_config.json``: every key of Clarify's schema, and everything that is wrong at once.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Kind = Callable[[Any, str], Iterator[str]]  # value, place -> what is wrong with it

DATASETS = (
    "text/csv",
    "application/jsonlines",
    "application/json",
    "application/sagemakercapturejson",
    "application/x-parquet",
    "application/x-image",
)
ACCEPTED = ("text/csv", "application/jsonlines", "application/json")
CONTENTS = (*ACCEPTED, "image/jpeg", "image/jpg", "image/png", "application/x-npy")
AGGREGATIONS = ("mean_abs", "median", "mean_sq")


def problems(config: Any) -> list[str]:
    """Everything that is wrong with a configuration; each begins with its place."""
    return list(CONFIG(config, ""))


def _is(name: str, *types: type) -> Kind:
    def check(value: Any, place: str) -> Iterator[str]:
        if isinstance(value, bool) != (bool in types) or not isinstance(value, types):
            yield f"{place} must be {name}, not {value!r}"

    return check


def _one_of(names: Sequence[str]) -> Kind:
    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, str) or value.lower() not in names:
            near = difflib.get_close_matches(str(value).lower(), names, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            yield f"{place} must be one of {', '.join(names)}, not {value!r}{hint}"

    return check


def _any(name: str, *kinds: Kind) -> Kind:
    def check(value: Any, place: str) -> Iterator[str]:
        if all(any(True for _ in kind(value, place)) for kind in kinds):
            yield f"{place} must be {name}, not {value!r}"

    return check


def _list(kind: Kind) -> Kind:
    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place} must be a list, not {value!r}"
            return
        for index, each in enumerate(value):
            yield from kind(each, f"{place}[{index}]")

    return check


def _table(required: Mapping[str, Kind], optional: Mapping[str, Kind]) -> Kind:
    known = {**required, **optional}

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place or 'the configuration'} must be an object, not {value!r}"
            return
        above = f"{place}." if place else ""
        for name in required:
            if name not in value:
                yield f"{above}{name} is missing"
        for name, each in value.items():
            if name in known:
                yield from known[name](each, f"{above}{name}")
                continue
            near = difflib.get_close_matches(name, known, 1)
            yield f"{above}{name} is not known" + (f"; did you mean '{near[0]}'?" if near else "")

    return check


def _anything(value: Any, place: str) -> Iterator[str]:
    del value, place
    yield from ()


TEXT, FLAG = _is("a text", str), _is("true or false", bool)
WHOLE, NUMBER = _is("a whole number", int), _is("a number", int, float)
COLUMN = _is("a column's name or position", str, int)
VALUE = _is("a number or a text", str, int, float)
OBJECT = _is("an object", dict)

_METHODS = _table({"methods": _any('"all" or a list of metrics', TEXT, _list(TEXT))}, {})
_SHAP = _table(
    {},
    {
        "baseline": _any(
            "an address, rows, or records", TEXT, OBJECT, _list(_any("a row", OBJECT, _list(_anything)))
        ),
        "num_clusters": WHOLE,
        "use_logit": FLAG,
        "num_samples": WHOLE,
        "agg_method": _one_of(AGGREGATIONS),
        "save_local_shap_values": FLAG,
        "seed": WHOLE,
        "features_to_explain": _list(COLUMN),
        "text_config": OBJECT,
        "image_config": OBJECT,
    },
)
_PDP = _table({}, {"grid_resolution": WHOLE, "features": _list(COLUMN), "top_k_features": WHOLE})
_PREDICTOR = _table(
    {},
    {
        "endpoint_name": TEXT,
        "endpoint_name_prefix": TEXT,
        "model_name": TEXT,
        "target_model": TEXT,
        "instance_type": TEXT,
        "initial_instance_count": WHOLE,
        "accelerator_type": TEXT,
        "content_type": _one_of(CONTENTS),
        "accept_type": _one_of(ACCEPTED),
        "label": COLUMN,
        "probability": COLUMN,
        "label_headers": _list(VALUE),
        "content_template": TEXT,
        "record_template": TEXT,
        "custom_attributes": TEXT,
        "time_series_predictor_config": OBJECT,
    },
)
_SEGMENT = _table(
    {"name_or_index": COLUMN, "segments": _list(_list(VALUE))},
    {"config_name": TEXT, "display_aliases": _list(TEXT)},
)
CONFIG = _table(
    {
        "dataset_type": _one_of(DATASETS),
        "methods": _table(
            {},
            {
                "pre_training_bias": _METHODS,
                "post_training_bias": _METHODS,
                "shap": _SHAP,
                "pdp": _PDP,
                "report": _table({"name": TEXT}, {"title": TEXT}),
                "asymmetric_shapley_value": OBJECT,
            },
        ),
    },
    {
        "version": TEXT,
        "dataset_uri": TEXT,
        "headers": _list(TEXT),
        "label": COLUMN,
        "predicted_label": COLUMN,
        "features": TEXT,
        "label_values_or_threshold": _list(VALUE),
        "probability_threshold": NUMBER,
        "segment_config": _list(_SEGMENT),
        "facet": _list(_table({"name_or_index": COLUMN}, {"value_or_threshold": _list(VALUE)})),
        "facet_dataset_uri": TEXT,
        "facet_headers": _list(TEXT),
        "predicted_label_dataset_uri": TEXT,
        "predicted_label_headers": _list(TEXT),
        "excluded_columns": _list(COLUMN),
        "joinsource_name_or_index": COLUMN,
        "group_variable": COLUMN,
        "time_series_data_config": OBJECT,
        "predictor": _PREDICTOR,
    },
)
