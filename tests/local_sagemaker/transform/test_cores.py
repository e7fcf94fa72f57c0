"""Transform jobs on a machine with one core."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import boto3

from local_sagemaker import serve
from tests.local_sagemaker.endpoints.conftest import ECHO, archive, echo
from tests.local_sagemaker.transform.conftest import OBEDIENT, Transforms


def test_one_core_is_enough(tmp_path: Path) -> None:
    """Containers of one model share it, and jobs take turns with it; requests go one at a time."""
    with serve(tmp_path / "state", cores=1) as local:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        clients = {name: session.client(name, endpoint_url=local.url) for name in ("s3", "sagemaker", "logs")}
        host = Transforms(clients.__getitem__, local.settings.bucket, local.settings.role_arn)
        text = ECHO.replace("return body", "return body.decode()")
        chain = host.model(host.container(echo("one")), host.container(echo("two", text)))
        plain = host.model(host.container(archive({"code/inference.py": OBEDIENT})))
        prefix = host.put({"a": "x"})

        names = [host.begin(model, prefix) for model in (chain, plain, chain)]

        jobs = [host.ended(name) for name in names]
        assert [job["TransformJobStatus"] for job in jobs] == ["Completed"] * 3
        assert [host.outputs(job)["a.out"] for job in jobs] == [b"two:one:x", b"X", b"two:one:x"]
        starts = [(job["TransformStartTime"], job["TransformEndTime"]) for job in jobs]
        ordered = sorted(starts)
        assert all(end <= start for (_, end), (start, _) in pairwise(ordered))
        assert "MaxConcurrentTransforms=1," in host.data_log(names[1])[0]
