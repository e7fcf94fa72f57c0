"""A user's program without a pipeline: jobs that are waited for with their logs, files, and resources by name.

python direct.py result.json
"""

import json
import logging
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.image_uris import retrieve
from sagemaker.core.processing import FrameworkProcessor
from sagemaker.core.resources import ProcessingJob, TrainingJob
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

TRAIN = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--slope", type=float)
slope = parser.parse_args().slope
rows = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "points.csv")).read().split()
print(f"read {len(rows)} points; loss=0.25;")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as file:
    json.dump({"slope": slope}, file)
"""
PROCESS = """
import sys
from pathlib import Path
print("processing says", sys.argv[1:])
Path("/opt/ml/processing/result/answer.txt").write_text("42")
"""


def train(session: Session, role: str, image: str, folder: Path, data: str) -> str:
    """Script mode, waited for, with its log on standard output."""
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=role,
        training_image=image,
        source_code=SourceCode(
            source_dir=str(folder), requirements="requirements.txt", entry_script="train.py"
        ),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"slope": 1.5},
        base_job_name="direct-train",
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)], wait=True, logs=True)
    return str(trainer._latest_training_job.training_job_name)


def process(session: Session, role: str, image: str, folder: Path) -> str:
    """Framework processing, waited for, with its log."""
    processor = FrameworkProcessor(
        image_uri=image,
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        command=["python3"],
        base_job_name="direct-process",
    )
    target = f"s3://{session.default_bucket()}/direct/result"
    where = ProcessingS3Output(
        s3_uri=target, local_path="/opt/ml/processing/result", s3_upload_mode="EndOfJob"
    )
    processor.run(
        code="process.py",
        source_dir=str(folder),
        arguments=["--a", "1"],
        outputs=[ProcessingOutput(output_name="result", s3_output=where)],
        wait=True,
        logs=True,
    )
    return str(processor.latest_job.processing_job_name)


def main() -> None:
    """Do it all in the current directory."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)  # where the SDK shows a training job's log
    code = Path("code")
    code.mkdir()
    (code / "train.py").write_text(TRAIN)
    (code / "process.py").write_text(PROCESS)
    (code / "requirements.txt").write_text("pandas>=1\n")
    Path("points.csv").write_text("1\n2\n3\n")
    session, role = Session(), get_execution_role()
    bucket = session.default_bucket()
    data = session.upload_data("points.csv", key_prefix="direct/points")
    session.download_data("back", bucket, "direct/points/points.csv")
    image = retrieve(
        "sklearn", session.boto_region_name, version="1.2-1", py_version="py3", instance_type="ml.m5.large"
    )
    trained = train(session, role, image, code, data)
    processed = process(session, role, image, code)
    told = {
        "role": role,
        "account": session.account_id(),
        "downloaded": Path("back/points.csv").read_text(),
        "read": session.read_s3_file(bucket, "direct/points/points.csv"),
        "listed": session.list_s3_files(bucket, "direct/points"),
        "training": TrainingJob.get(training_job_name=trained).training_job_status,
        "processing": ProcessingJob.get(processing_job_name=processed).processing_job_status,
        "answer": session.read_s3_file(bucket, "direct/result/answer.txt"),
        "found": [
            job.training_job_name == trained for job in TrainingJob.get_all(name_contains="direct-train")
        ],
    }
    Path(sys.argv[1]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
