"""A processing script as people write them for SageMaker: fixed container paths, and its data from S3 by boto3."""

import argparse
import pathlib

import boto3
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

BASE = "/opt/ml/processing"
NUMBERS = ["length", "diameter", "height", "whole", "shucked", "viscera", "shell"]


def main() -> None:
    """Download, encode, shuffle, split 70/15/15, and write label-first CSV without a header."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-data", required=True)
    bucket, _, key = parser.parse_args().input_data.removeprefix("s3://").partition("/")
    local = pathlib.Path(f"{BASE}/data/abalone.csv")
    local.parent.mkdir(parents=True, exist_ok=True)
    boto3.resource("s3").Bucket(bucket).download_file(key, str(local))
    rows = pd.read_csv(local, header=None, names=["sex", *NUMBERS, "rings"])
    local.unlink()

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    features = ColumnTransformer([("num", numbers, NUMBERS), ("cat", OneHotEncoder(), ["sex"])])
    label = rows.pop("rings").to_numpy().reshape(-1, 1)
    table = np.hstack([label, features.fit_transform(rows)])
    np.random.default_rng(7).shuffle(table)
    ends = [int(0.7 * len(table)), int(0.85 * len(table))]
    for name, part in zip(("train", "validation", "test"), np.split(table, ends), strict=True):
        pd.DataFrame(part).to_csv(f"{BASE}/{name}/{name}.csv", header=False, index=False)


if __name__ == "__main__":
    main()
