"""A user's program: baselines of data and model quality, then a run against them, by the SDK's own monitors.

python monitoring.py folder result.json
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.model_monitor.dataset_format import DatasetFormat
from sagemaker.core.model_monitor.model_monitoring import (
    DefaultModelMonitor,
    ModelMonitor,
    ModelQualityMonitor,
)
from sagemaker.core.processing import ProcessingInput, ProcessingOutput
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.s3 import S3Downloader, S3Uploader
from sagemaker.core.shapes import ProcessingS3Input, ProcessingS3Output


def data_quality(session: Session, role: str, folder: Path) -> dict[str, Any]:
    """A baseline of captured calls' training data, with a script after it."""
    monitor = DefaultModelMonitor(role=role, sagemaker_session=session, instance_type="ml.m5.large")
    job = monitor.suggest_baseline(
        baseline_dataset=str(folder / "baseline.csv"),
        dataset_format=DatasetFormat.csv(header=True),
        post_analytics_processor_script=str(folder / "after.py"),
        output_s3_uri=f"s3://{session.default_bucket()}/monitoring/data",
        wait=True,
        logs=True,
    )
    return {
        "job": ended(job.processing_job_name),
        "statistics": monitor.baseline_statistics().body_dict,
        "constraints": monitor.suggested_constraints().body_dict,
        "image": monitor.image_uri,
    }


def model_quality(session: Session, role: str, folder: Path) -> dict[str, Any]:
    """A baseline of a regression."""
    monitor = ModelQualityMonitor(role=role, sagemaker_session=session, instance_type="ml.m5.large")
    job = monitor.suggest_baseline(
        baseline_dataset=str(folder / "predictions.csv"),
        dataset_format=DatasetFormat.csv(header=True),
        problem_type="Regression",
        inference_attribute="prediction",
        ground_truth_attribute="label",
        output_s3_uri=f"s3://{session.default_bucket()}/monitoring/model",
        wait=False,
        logs=False,
    )
    return {
        "job": ended(job.processing_job_name),
        "statistics": monitor.baseline_statistics().body_dict,
        "constraints": monitor.suggested_constraints().body_dict,
    }


def watched(session: Session, role: str, folder: Path, image: str) -> dict[str, Any]:
    """What a schedule would start for captured calls, started by hand: the baseline's files are inputs."""
    data = f"s3://{session.default_bucket()}/monitoring"
    captured = S3Uploader.upload(
        str(folder / "capture"), f"{data}/capture/endpoint/AllTraffic", sagemaker_session=session
    )
    monitor = ModelMonitor(
        role=role,
        image_uri=image,
        sagemaker_session=session,
        instance_type="ml.m5.large",
        env={
            "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
            "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
            "dataset_format": '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
            "dataset_source": "/opt/ml/processing/input/endpoint",
            "output_path": "/opt/ml/processing/output",
            "publish_cloudwatch_metrics": "Disabled",
        },
    )
    report = f"{data}/report"
    monitor.run_baseline(
        baseline_inputs=[
            an_input("endpoint", captured, "/opt/ml/processing/input/endpoint/AllTraffic"),
            an_input(
                "constraints", f"{data}/data/constraints.json", "/opt/ml/processing/baseline/constraints"
            ),
            an_input("baseline", f"{data}/data/statistics.json", "/opt/ml/processing/baseline/stats"),
        ],
        output=ProcessingOutput(
            output_name="result",
            s3_output=ProcessingS3Output(
                s3_uri=report, local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
            ),
        ),
        wait=False,
        logs=False,
    )
    job = ended(monitor.latest_baselining_job_name)
    files = S3Downloader.list(report, sagemaker_session=session)
    violations = S3Downloader.read_file(f"{report}/constraint_violations.json", sagemaker_session=session)
    return {
        "job": job,
        "files": sorted(name.rpartition("/")[2] for name in files),
        "violations": json.loads(violations)["violations"],
    }


def an_input(name: str, uri: str, path: str) -> ProcessingInput:
    """An input in file mode."""
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File"
        ),
    )


def ended(name: str) -> dict[str, Any]:
    """What is asked of a job; the SDK itself would look every ten seconds."""
    job = ProcessingJob.get(processing_job_name=name)
    while job.processing_job_status in ("InProgress", "Stopping"):
        time.sleep(0.1)
        job.refresh()
    return {"status": job.processing_job_status, "message": job.exit_message}


def main() -> None:
    """All three, and what came of them."""
    folder, result = Path(sys.argv[1]), Path(sys.argv[2])
    session, role = Session(), get_execution_role()
    data = data_quality(session, role, folder)
    told = {
        "data": data,
        "model": model_quality(session, role, folder),
        "watched": watched(session, role, folder, data["image"]),
    }
    result.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
