"""The page of an execution opens by itself, says what was found, and never lets anybody's text be markup."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines import config
from pipelines.report.facts import Facts, Picture, Result
from pipelines.report.page import render
from pipelines.service import Execution, Step

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc"
HOSTILE = "<script>alert(1)</script>"


def step(name: str, status: str = "Succeeded", **more: Any) -> Step:
    return Step(name, status, BEGAN, BEGAN + timedelta(seconds=90), {}, **more)


def facts(
    steps: list[Step], results: Mapping[str, Result] | None = None, status: str = "Succeeded", **more: Any
) -> Facts:
    definition = {"Steps": [{"Name": each.name, "Type": "Processing", "Arguments": {}} for each in steps]}
    return Facts(
        config.load("local", "adult"),
        "adult-training",
        Execution(ARN, status, BEGAN, steps),
        definition,
        more.get("parameters", {}),
        results or {},
        more.get("package", {}),
    )


def picture() -> bytes:
    """A small real PNG."""
    figure = Figure(figsize=(1, 1))
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    return drawn.getvalue()


def test_a_failed_execution_says_what_failed_before_anything_else() -> None:
    """And has no section for what it did not come to."""
    page = render(
        facts([step("Ingest", "Failed", failure="ClientError: line 7 has 3 values")], status="Failed")
    )

    assert page.index("line 7 has 3 values") < page.index("<h2")
    assert "Metrics" not in page


def test_no_text_becomes_markup() -> None:
    """Names, parameters, failures, documents: whoever wrote them, they are shown as they are."""
    report = {"gate": {"bars": [{"message": HOSTILE, "passed": True, "facet": ""}]}}
    page = render(
        facts(
            [step(HOSTILE), step("Evaluate", failure=HOSTILE)],
            {"Evaluate": Result("s3://b/k", {"evaluation.json": report}, (Picture(HOSTILE, b"png"),))},
            parameters={HOSTILE: HOSTILE},
        )
    )

    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_the_page_asks_nobody() -> None:
    """No script, no style sheet, no picture and no font from anywhere else."""
    result = Result("s3://b/k", {}, (Picture("roc", picture()),))
    page = render(facts([step("Evaluate")], {"Evaluate": result}))

    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?!data:|#)[a-z/]+:?//""", page)
    assert "<script" not in page
    assert "<link" not in page


def opened(page: str, folder: Path) -> dict[str, Any]:
    """What Chromium finds in the page: pictures that it could draw, and whether something is wider than the window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed here")
    look = (
        "<script>addEventListener('load', () => { document.title = JSON.stringify({"
        "drawn: [...document.images].filter(i => i.naturalWidth > 0).length, images: document.images.length,"
        "wide: document.documentElement.scrollWidth > innerWidth,"
        "boxes: document.querySelectorAll('svg.graph rect').length}) })</script>"
    )
    file = folder / "page.html"
    file.write_text(page.replace("</body>", f"{look}</body>"), encoding="utf-8")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,900", "--dump-dom"]
    done = subprocess.run(
        [chromium, *arguments, f"--user-data-dir={folder}/profile", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, Any] = json.loads(re.search(r"<title>(.*?)</title>", done.stdout)[1])  # type: ignore[index]
    return found


def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    """Every picture and every box of the graph, and no sideways scrolling however long a value is."""
    report = {"binary_classification_metrics": {"auc": {"value": 0.9}}}
    pictures = (Picture("roc", picture()), Picture("calibration", picture()))
    page = render(
        facts(
            [step("Evaluate"), step("Ingest")],
            {"Evaluate": Result("s3://b/k", {"evaluation.json": report}, pictures)},
            parameters={"InputData": "s3://" + "a" * 900},
        )
    )

    assert opened(page, tmp_path) == {"drawn": 2, "images": 2, "wide": False, "boxes": 2}
