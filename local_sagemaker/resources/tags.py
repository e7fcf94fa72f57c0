"""Tags of any resource, by its ARN. They are kept with the resource's record, and go when it goes.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_sagemaker import arns, records
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ResourceLimitExceeded, ResourceNotFound
from local_sagemaker.listing import cut
from local_sagemaker.records import Records

_LIMIT = 50  # AWS's, for one resource
_PAGE = 50

Tag = dict[str, str]
Tagged = list[Tag]
ByKey = dict[str, Tag]


class Tags:
    """Add, list and delete tags."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def add(self, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags, replacing those of the same key; answers all of them."""
        new = {tag["Key"]: tag for tag in request["Tags"]}
        return {"Tags": self._change(request["ResourceArn"], lambda tags: {**tags, **new})}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of a resource's tags, by key."""
        kind, name = self._find(request["ResourceArn"])
        document = self._records.get(kind, name) or {}
        tags, token = cut(
            document.get("Tags", []),
            key=lambda tag: [tag["Key"]],
            descending=False,
            size=request.get("MaxResults", _PAGE),
            token=request.get("NextToken"),
            query=request,
        )
        return {"Tags": tags, "NextToken": token}

    def delete(self, request: dict[str, Any]) -> None:
        """Delete tags by key; a key that is not there is no mistake."""
        gone = set(request["TagKeys"])
        self._change(
            request["ResourceArn"],
            lambda tags: {key: tag for key, tag in tags.items() if key not in gone},
        )

    def _change(self, arn: str, change: Callable[[ByKey], ByKey]) -> Tagged:
        kind, name = self._find(arn)

        def changed(document: dict[str, Any]) -> dict[str, Any]:
            tags = [*change({tag["Key"]: tag for tag in document.get("Tags", [])}).values()]
            if len(tags) > _LIMIT:
                raise ResourceLimitExceeded(f"{arn} would have {len(tags)} tags; the limit is {_LIMIT}.")
            return {**document, "Tags": tags}

        try:
            tags: Tagged = self._records.update(kind, name, changed)["Tags"]
        except records.Missing:  # deleted since it was found
            raise _missing(arn) from None
        return tags

    def _find(self, arn: str) -> tuple[str, str]:
        found = arns.find(self._records, arn)
        if found is None:
            raise _missing(arn)
        return found


def _missing(arn: str) -> ResourceNotFound:
    return ResourceNotFound(f"Could not find resource {arn}: it does not exist.")
