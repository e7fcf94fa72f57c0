"""Transform jobs from request to output, with real containers."""

from __future__ import annotations

from tests.local_sagemaker.endpoints.conftest import SCRIPT, XGBOOST, archive

LINES = {"SplitType": "Line"}

# Answers one line for each line that it was asked, and says how it was asked.
UPPER = """
def model_fn(folder):
    return None
def input_fn(body, content_type):
    print("asked", repr(body), content_type, flush=True)
    return body
def predict_fn(text, model):
    if "bad" in text:
        raise ValueError("that was bad")
    return text.upper()
def output_fn(text, accept):
    return text, accept
"""


def script(text: str = UPPER) -> bytes:
    """An archive that serves with this script."""
    return archive({"code/inference.py": text})


def test_predictions_of_a_csv(transforms, booster):
    """Script mode on XGBoost's image: one prediction a line, in order, below the output path as <name>.out."""
    model = transforms.model(
        transforms.container(
            archive(
                {
                    "model.json": bytes(booster.save_raw("json")),
                    "code/inference.py": "import os, xgboost\n"
                    "def model_fn(folder):\n"
                    "    return xgboost.Booster(model_file=os.path.join(folder, 'model.json'))\n",
                }
            ),
            XGBOOST,
            SCRIPT,
        )
    )
    rows = "".join(f"{number / 10},{-number / 7},{number % 3}\n" for number in range(100))
    prefix = transforms.put({"rows.csv": rows, "more/rows.csv": "0,0,0\n"})

    job = transforms.run(model, prefix, source=LINES, target={"Accept": "text/csv", "AssembleWith": "Line"})

    assert job["TransformJobStatus"] == "Completed", job
    outputs = transforms.outputs(job)
    assert set(outputs) == {"rows.csv.out", "more/rows.csv.out"}
    import numpy as np
    import xgboost

    data = np.array([[float(cell) for cell in row.split(",")] for row in rows.split()])
    expected = booster.predict(xgboost.DMatrix(data))
    got = np.array([float(line) for line in outputs["rows.csv.out"].split()], dtype=np.float32)
    assert (got == expected).all()
