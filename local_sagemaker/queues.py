"""SQS queues as a sender sees them; the queues themselves are moto's."""

from __future__ import annotations

import re

from local_sagemaker.errors import AwsError
from local_sagemaker.other_services import OtherServices

# As moto writes it (http://127.0.0.1:5000/123456789012/name), and as AWS does (https://sqs.eu-west-1.amazonaws.com/…).
_URL = re.compile(r"https?://(?:sqs\.(?P<region>[a-z0-9-]+)\.)?[^/]+/(?P<account>\d{12})/(?P<name>[\w.-]+)")


class Queues:
    """The queues that there are; those of ``region`` where a URL names none."""

    def __init__(self, others: OtherServices, region: str) -> None:
        self._others = others
        self._region = region

    def send(self, url: str, body: str) -> None:
        """Put a message into a queue. Raises AwsError, in SQS's words."""
        named = _URL.fullmatch(url)
        if named is None:
            raise AwsError(f"The address {url} is not valid for this endpoint.", code="InvalidAddress")
        self._others.load()
        self._others.enter()
        from moto.core.exceptions import ServiceException
        from moto.sqs.models import sqs_backends

        try:
            backend = sqs_backends[named["account"]][named["region"] or self._region]
            backend.send_message(named["name"], body)
        except (ServiceException, KeyError) as error:  # of a region that there is not, a KeyError
            message = getattr(error, "message", "") or "The specified queue does not exist."
            raise AwsError(
                message, code=getattr(error, "code", "AWS.SimpleQueueService.NonExistentQueue")
            ) from None
