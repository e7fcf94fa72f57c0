"""Buckets: create, list, delete, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from local_sagemaker.s3.conditions import iso_date
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import Request, Response, xml_response
from local_sagemaker.s3.listing import Page, Place, list_page
from local_sagemaker.s3.names import check_bucket_name
from local_sagemaker.s3.object_operations import Operation, Route
from local_sagemaker.s3.records import StoredObject
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.xml_format import parse, text

OWNER = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a", "DisplayName": "local"}
MAX_KEYS = 1000  # a page, as in S3


class BucketOperations:
    """The operations on buckets; ``region`` is that of buckets created without one."""

    def __init__(self, store: ObjectStore, region: str) -> None:
        self._store = store
        self._region = region

    def routes(self) -> dict[Route, Operation]:
        """Which request means which operation."""
        return {
            ("service", "GET", ""): ("ListBuckets", self.list_buckets),
            ("bucket", "PUT", ""): ("CreateBucket", self.create),
            ("bucket", "HEAD", ""): ("HeadBucket", self.head),
            ("bucket", "DELETE", ""): ("DeleteBucket", self.delete),
            ("bucket", "GET", "location"): ("GetBucketLocation", self.location),
            ("bucket", "GET", ""): ("ListObjects", self.list_objects),
            ("bucket", "GET", "list-type"): ("ListObjectsV2", self.list_objects_v2),
            ("bucket", "GET", "versions"): ("ListObjectVersions", self.list_versions),
            ("bucket", "POST", "delete"): ("DeleteObjects", self.delete_objects),
        }

    def list_buckets(self, request: Request) -> Response:
        """ListBuckets."""
        names = [name for name in self._store.buckets() if name.startswith(request.query.get("prefix", ""))]
        buckets = [{"Name": name, "CreationDate": iso_date(self._created(name))} for name in names]
        return xml_response("ListAllMyBucketsResult", {"Owner": OWNER, "Buckets": {"Bucket": buckets}})

    def create(self, request: Request) -> Response:
        """CreateBucket. Creating one's own again succeeds in us-east-1 only, as in S3."""
        check_bucket_name(request.bucket)
        body = request.document() if request.headers.get("content-length", "0") != "0" else b""
        region = (
            parse(body, "CreateBucketConfiguration").findtext("LocationConstraint", "") if body else ""
        ) or self._region
        if self._store.has_bucket(request.bucket) and region != "us-east-1":
            raise S3Error(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                BucketName=request.bucket,
            )
        self._store.create_bucket(request.bucket, region)
        return Response(headers={"Location": f"/{request.bucket}"})

    def head(self, request: Request) -> Response:
        """HeadBucket."""
        self._store.bucket_folder(request.bucket)
        return Response(headers={"x-amz-bucket-region": self._region_of(request.bucket)})

    def delete(self, request: Request) -> Response:
        """DeleteBucket."""
        self._store.delete_bucket(request.bucket)
        return Response(204)

    def location(self, request: Request) -> Response:
        """GetBucketLocation; empty for us-east-1, as in S3."""
        self._store.bucket_folder(request.bucket)
        region = self._region_of(request.bucket)
        return xml_response("LocationConstraint", "" if region == "us-east-1" else region)

    def list_objects(self, request: Request) -> Response:
        """ListObjects, the first version, which continues after a key."""
        marker, delimiter = request.query.get("marker", ""), request.query.get("delimiter", "")
        after = Place(marker, is_prefix=bool(delimiter) and marker.endswith(delimiter))
        page = self._page(request, after)
        encode = _encoding(request)
        return xml_response(
            "ListBucketResult",
            {
                **self._page_elements(request, page),
                "Marker": encode(marker),
                "NextMarker": encode(page.next.text) if page.next and delimiter else None,
                "Contents": [{**self._contents(request, stored), "Owner": OWNER} for stored in page.objects],
            },
        )

    def list_objects_v2(self, request: Request) -> Response:
        """ListObjectsV2."""
        token, start_after = request.query.get("continuation-token"), request.query.get("start-after", "")
        if token == "":
            raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
        page = self._page(request, Place.of_token(token) if token else Place(start_after))
        owner = {"Owner": OWNER} if request.query.get("fetch-owner") == "true" else {}
        return xml_response(
            "ListBucketResult",
            {
                **self._page_elements(request, page),
                "KeyCount": len(page.objects) + len(page.common_prefixes),
                "StartAfter": _encoding(request)(start_after) if start_after else None,
                "ContinuationToken": token,
                "NextContinuationToken": page.next.token() if page.next else None,
                "Contents": [{**self._contents(request, stored), **owner} for stored in page.objects],
            },
        )

    def list_versions(self, request: Request) -> Response:
        """ListObjectVersions: each object has the one version ``null``, as in a bucket without versioning."""
        marker, delimiter = request.query.get("key-marker", ""), request.query.get("delimiter", "")
        page = self._page(request, Place(marker, is_prefix=bool(delimiter) and marker.endswith(delimiter)))
        encode = _encoding(request)
        return xml_response(
            "ListVersionsResult",
            {
                **self._page_elements(request, page),
                "KeyMarker": encode(marker),
                "VersionIdMarker": "",
                "NextKeyMarker": encode(page.next.text) if page.next else None,
                "NextVersionIdMarker": "null" if page.next else None,
                "Version": [
                    {**self._contents(request, stored), "VersionId": "null", "IsLatest": True, "Owner": OWNER}
                    for stored in page.objects
                ],
            },
        )

    def delete_objects(self, request: Request) -> Response:
        """DeleteObjects: up to a thousand, each with its own success."""
        asked = parse(request.document(), "Delete")
        keys = [text(each, "Key") for each in asked.findall("Object")]
        if not 1 <= len(keys) <= MAX_KEYS:
            raise S3Error("MalformedXML", f"DeleteObjects takes 1 to {MAX_KEYS} objects, not {len(keys)}")
        deleted: list[dict[str, str]] = []
        errors: list[dict[str, str]] = []
        self._store.bucket_folder(request.bucket)
        for key in keys:
            try:
                request.permit("s3:DeleteObject", key)
                self._store.delete(request.bucket, key)
                deleted.append({"Key": key})
            except S3Error as error:
                errors.append({"Key": key, "Code": error.code, "Message": error.message})
        quiet = asked.findtext("Quiet", "false") == "true"
        return xml_response("DeleteResult", {"Deleted": [] if quiet else deleted, "Error": errors})

    def _created(self, bucket: str) -> float:
        noted = self._store.bucket_files.created(bucket)
        return noted if noted is not None else self._store.bucket_folder(bucket).stat().st_mtime

    def _region_of(self, bucket: str) -> str:
        return self._store.bucket_files.region(bucket) or self._region

    def _page(self, request: Request, after: Place) -> Page:
        return list_page(
            self._store,
            request.bucket,
            prefix=request.query.get("prefix", ""),
            delimiter=request.query.get("delimiter", ""),
            after=after,
            limit=request.number("max-keys", MAX_KEYS, MAX_KEYS),
        )

    def _page_elements(self, request: Request, page: Page) -> dict[str, object]:
        encode = _encoding(request)
        delimiter = request.query.get("delimiter")
        return {
            "Name": request.bucket,
            "Prefix": encode(request.query.get("prefix", "")),
            "Delimiter": encode(delimiter) if delimiter else None,
            "MaxKeys": request.number("max-keys", MAX_KEYS, MAX_KEYS),
            "EncodingType": request.query.get("encoding-type"),
            "IsTruncated": page.next is not None,
            "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.common_prefixes],
        }

    def _contents(self, request: Request, stored: StoredObject) -> dict[str, object]:
        return {
            "Key": _encoding(request)(stored.key),
            "LastModified": iso_date(stored.modified),
            "ETag": f'"{stored.etag}"',
            "ChecksumAlgorithm": list(stored.attributes.checksums),
            "ChecksumType": stored.attributes.checksum_type if stored.attributes.checksums else None,
            "Size": stored.size,
            "StorageClass": stored.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        }


def _encoding(request: Request) -> Callable[[str], str]:
    """How keys are written in the answer: as they are, or quoted because XML cannot hold every character."""
    kind = request.query.get("encoding-type")
    if kind not in (None, "url"):
        raise S3Error("InvalidArgument", f"Invalid Encoding Method specified in Request: {kind!r}")
    return (lambda text: quote(text, safe="/")) if kind else str
