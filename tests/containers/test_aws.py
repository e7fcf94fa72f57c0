"""A job does not wait for minutes where no service can be reached."""

from containers import aws


def test_every_client_gives_up_a_connection_soon_and_a_busy_service_late(monkeypatch):
    """boto3's own minute for a connection, four times, would be what an isolated job spends on it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings = aws.client("sagemaker").meta.config

    assert settings.connect_timeout == aws.PATIENCE < 60
    assert settings.retries["total_max_attempts"] == 1 + 4
