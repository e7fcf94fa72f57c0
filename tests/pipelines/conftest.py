"""What the tests of pipelines share: a region, for which the SDK looks while it is imported."""

import os

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
