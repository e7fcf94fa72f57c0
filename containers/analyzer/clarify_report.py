"""``report.html``: what an analysis found, as one page that needs nothing but itself."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from containers.analyzer.clarify_config import Config
from containers.analyzer.explain import Explanations
from containers.analyzer.shap_values import KERNEL, TREE, ShapValues

REPORT = "report.html"
SECTIONS = {
    "pre_training_bias_metrics": "Bias of the data",
    "post_training_bias_metrics": "Bias of the predictions",
}
METHODS = {KERNEL: "Kernel SHAP", TREE: "SHAP values read off the trees, exact,"}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd } h3 { margin: 1.4rem 0 .3rem }
table { border-collapse: collapse; margin: .5rem 0 } th, td { padding: .25rem .8rem .25rem 0; text-align: left }
th { border-bottom: 1px solid #999 } td.number { text-align: right; font-variant-numeric: tabular-nums }
tr:nth-child(even) td { background: #f6f6f6 } img { max-width: 48%; vertical-align: top } p.note { color: #666 }
"""


def write(
    config: Config,
    document: Mapping[str, Any],
    explanations: Explanations | None,
    rows: pd.DataFrame | None,
    folder: Path,
    drawn: Sequence[Path] = (),
) -> None:
    """Write the page; ``rows`` are the features that were explained, ``drawn`` their pictures if there are any yet."""
    title = title_of(config)
    if explanations is not None and explanations.shap is not None and rows is not None and not drawn:
        with tempfile.TemporaryDirectory() as scratch:
            drawn = pictures(explanations.shap, rows, title, Path(scratch))
            write(config, document, explanations, None, folder, drawn)
        return
    body = [f"<h1>{escape(title)}</h1>", *_bias(document), *_explained(document, explanations, drawn)]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
    (folder / REPORT).write_text(page, encoding="utf-8")


def title_of(config: Config) -> str:
    """What the configuration calls the report."""
    return str(config["methods"].get("report", {}).get("title", "Analysis Report"))


def pictures(values: ShapValues, rows: pd.DataFrame, title: str, folder: Path) -> list[Path]:
    """Draw what explains the model, into files."""
    from containers.analyzer import explanation_pictures  # matplotlib, which bias has no use for

    return [folder / name for name in explanation_pictures.draw(values, rows, title, folder)]


def _bias(document: Mapping[str, Any]) -> Iterator[str]:
    for key, title in SECTIONS.items():
        if key not in document:
            continue
        section = document[key]
        label = f"{section['label']} = {section['label_value_or_threshold']}"
        yield f"<h2>{title}</h2><p>A positive outcome is <b>{escape(label)}</b>.</p>"
        for column, facets in section["facets"].items():
            for facet in facets:
                yield f"<h3>{escape(str(column))} = {escape(str(facet['value_or_threshold']))}, against all others</h3>"
                yield "<table><tr><th>metric</th><th></th><th>value</th></tr>"
                yield from (_metric(metric) for metric in facet["metrics"])
                yield "</table>"


def _metric(metric: Mapping[str, Any]) -> str:
    value = metric["value"]
    shown = f"{value:.6g}" if isinstance(value, int | float) else str(value or metric.get("error", ""))
    cells = f"<td>{escape(metric['name'])}</td><td>{escape(metric['description'])}</td>"
    return f'<tr>{cells}<td class="number">{escape(shown)}</td></tr>'


def _explained(
    document: Mapping[str, Any], explanations: Explanations | None, drawn: Sequence[Path]
) -> Iterator[str]:
    if explanations is None:
        return
    found = document["explanations"]
    if explanations.shap is not None:
        yield "<h2>What explains the predictions</h2>"
        method = METHODS[explanations.shap.method]
        yield f'<p class="note">{method} of {len(explanations.shap.values):,} rows.</p>'
        for label, values in found["kernel_shap"].items():
            yield f"<h3>{escape(label)}, expected value {values['expected_value']:.6g}</h3>"
            yield "<table><tr><th>feature</th><th>global SHAP value</th></tr>"
            ordered = sorted(values["global_shap_values"].items(), key=lambda item: -abs(float(item[1] or 0)))
            for name, value in ordered:
                yield f'<tr><td>{escape(name)}</td><td class="number">{float(value or 0):.6g}</td></tr>'
            yield "</table>"
        for picture in drawn:
            content = base64.b64encode(picture.read_bytes()).decode()
            yield f'<img alt="{escape(picture.stem)}" src="data:image/png;base64,{content}">'
    for curve in found.get("pdp", ()):
        yield f"<h3>Partial dependence on {escape(curve['feature_name'])}</h3><table><tr><th>value</th>"
        yield (
            "".join(f"<th>{escape(str(label))}</th>" for label in curve["label_headers"])
            + "<th>share</th></tr>"
        )
        for place, value in enumerate(curve["feature_values"]):
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            cells = "".join(
                f'<td class="number">{line[place]:.6g}</td>' for line in curve["model_predictions"]
            )
            share = curve["data_distribution"][place]
            yield f'<tr><td>{escape(shown)}</td>{cells}<td class="number">{share:.1%}</td></tr>'
        yield "</table>"
