"""A user's program that scores a file with the SDK's Transformer, follows its log, and finds it again by name.

python transform.py IMAGE ROLE MODEL_DATA INPUT
"""

import logging
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import TransformJob
from sagemaker.core.s3 import S3Downloader
from sagemaker.core.transformer import Transformer
from sagemaker.serve.model_builder import ModelBuilder


def main(image: str, role: str, model_data: str, data: str) -> None:
    """Build a model, transform, wait with logs; then attach, list and refresh."""
    session = Session()
    builder = ModelBuilder(
        image_uri=image, s3_model_data_url=model_data, role_arn=role, sagemaker_session=session
    )
    builder.build(model_name="sdk-transform-model")
    transformer = Transformer(
        model_name="sdk-transform-model",
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        accept="text/csv",
        assemble_with="Line",
        sagemaker_session=session,
    )
    transformer.transform(
        data,
        content_type="text/csv",
        split_type="Line",
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        wait=True,
        logs=True,
    )
    sys.stdout.write(f"\nscored {S3Downloader.read_file(f'{transformer.output_path}/rows.csv.out')}\n")
    job = transformer.latest_transform_job
    again = Transformer.attach(job.transform_job_name, session)
    job.refresh()
    found = [each.transform_job_name for each in TransformJob.get_all(name_contains=job.transform_job_name)]
    told = (
        job.transform_job_status,
        again.output_path == transformer.output_path,
        found == [job.transform_job_name],
    )
    sys.stdout.write(f"\ntold {told}\n")
    transformer.delete_model()


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    main(*sys.argv[1:])
