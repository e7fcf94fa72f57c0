"""An evaluation script as people write them: unpack the model, unpickle it, score the test rows, write a report."""

import json
import pathlib
import pickle
import tarfile

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import mean_squared_error


def main() -> None:
    """Write ``evaluation.json`` with ``regression_metrics.mse``."""
    with tarfile.open("/opt/ml/processing/model/model.tar.gz") as tar:
        tar.extractall(path=".")  # noqa: S202 - as AWS's examples; a filter came with Python 3.11.4
    model = pickle.loads(pathlib.Path("xgboost-model").read_bytes())  # noqa: S301 - as the 1.0-1 image writes it
    rows = pd.read_csv("/opt/ml/processing/test/test.csv", header=None)
    label = rows.pop(0)
    scores = model.predict(xgboost.DMatrix(rows.to_numpy()))
    report = {
        "regression_metrics": {
            "mse": {
                "value": mean_squared_error(label, scores),
                "standard_deviation": float(np.std(label - scores)),
            }
        }
    }
    folder = pathlib.Path("/opt/ml/processing/evaluation")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main()
