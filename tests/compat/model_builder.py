"""A user's program that deploys a script and a model with ModelBuilder.

python model_builder.py IMAGE ROLE MODEL_DATA
"""

import sys
import tempfile
from pathlib import Path

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import SourceCode
from sagemaker.serve.model_builder import ModelBuilder

SCRIPT = """
import os
def model_fn(folder):
    return sorted(os.listdir(folder))
def transform_fn(model, body, content_type, accept):
    return f"{model} {body}", "text/plain"
"""


def main(image: str, role: str, model_data: str) -> None:
    """Build, deploy, invoke, delete."""
    folder = Path(tempfile.mkdtemp())
    (folder / "inference.py").write_text(SCRIPT)
    builder = ModelBuilder(
        s3_model_data_url=model_data,
        image_uri=image,
        role_arn=role,
        source_code=SourceCode(source_dir=str(folder), entry_script="inference.py"),
        instance_type="ml.m5.large",
        sagemaker_session=Session(),
    )
    builder.build(model_name="built-model")
    endpoint = builder.deploy(endpoint_name="built-endpoint", initial_instance_count=1, wait=False)
    endpoint.wait_for_status("InService", poll=1)  # deploy itself looks every 30 seconds
    answer = endpoint.invoke(body="1,2,3", content_type="text/csv")
    boto3.client("sagemaker").delete_endpoint(EndpointName="built-endpoint")
    sys.stdout.write(f"\n{answer.body.read().decode()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
