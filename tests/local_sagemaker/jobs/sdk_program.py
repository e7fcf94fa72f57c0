"""What a user's program does with the SageMaker SDK: it creates three jobs, and writes down their names.

Run by test_sdk_jobs in a process of its own: importing the SDK makes clients and sets up logging.
"""

import json
import os
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.image_uris import retrieve
from sagemaker.core.processing import FrameworkProcessor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

TRAIN = """
import argparse, os
from helper import NAME
parser = argparse.ArgumentParser()
parser.add_argument("--eta", type=float)
eta = parser.parse_args().eta
print(NAME, "trains with", eta, "on", os.listdir(os.environ["SM_CHANNEL_TRAIN"]))
if eta > 1:
    raise ValueError("eta is too large")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "m"), "w") as file:
    file.write(str(eta))
"""
PROCESS = """
import sys
from helper import NAME
print(NAME, "processes", *sys.argv[1:])
with open("/opt/ml/processing/result/r", "w") as file:
    file.write("result")
"""


def train(session: Session, role: str, image: str, folder: Path, eta: float) -> str:
    """One training job through the SDK's driver."""
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=role,
        training_image=image,
        source_code=SourceCode(source_dir=str(folder), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"eta": eta},
        base_job_name=f"sdk-train-{str(eta).replace('.', '-')}",
    )
    data = InputData(channel_name="train", data_source=f"s3://{session.default_bucket()}/sdk/train/")
    trainer.train(input_data_config=[data], wait=False)
    return str(trainer._latest_training_job.training_job_name)


def process(session: Session, role: str, image: str, folder: Path) -> str:
    """One processing job through the SDK's runproc.sh, requirements and all."""
    processor = FrameworkProcessor(
        image_uri=image,
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        command=["python3"],
        base_job_name="sdk-process",
    )
    target = f"s3://{session.default_bucket()}/sdk/result"
    where = ProcessingS3Output(
        s3_uri=target, local_path="/opt/ml/processing/result", s3_upload_mode="EndOfJob"
    )
    processor.run(
        code="process.py",
        source_dir=str(folder),
        arguments=["--a", "1"],
        outputs=[ProcessingOutput(output_name="result", s3_output=where)],
        wait=False,
    )
    return str(processor.latest_job.processing_job_name)


def main() -> None:
    """Write the code, create the jobs, and leave their names in the file ``names.json``."""
    folder = Path(sys.argv[1])
    (folder / "helper.py").write_text("NAME = 'helper'")
    (folder / "train.py").write_text(TRAIN)
    (folder / "process.py").write_text(PROCESS)
    (folder / "requirements.txt").write_text("pandas>=1\n")
    session = Session()
    session.boto_session.client("s3").put_object(
        Bucket=session.default_bucket(), Key="sdk/train/a.csv", Body=b"1"
    )
    role = os.environ["ROLE"]
    image = retrieve("sklearn", "us-east-1", version="1.4-2", py_version="py3", instance_type="ml.m5.large")
    names = {
        "good": train(session, role, image, folder, 0.5),
        "bad": train(session, role, image, folder, 2.0),
        "processed": process(session, role, image, folder),
    }
    Path(sys.argv[1], "names.json").write_text(json.dumps(names))


if __name__ == "__main__":
    main()
