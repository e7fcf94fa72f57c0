"""The operations of multipart uploads."""

from __future__ import annotations

from dataclasses import replace

from local_sagemaker.s3 import checksums
from local_sagemaker.s3.bucket_operations import OWNER
from local_sagemaker.s3.checksums import HEADER, Check, Claims
from local_sagemaker.s3.conditions import byte_range, check_read, iso_date, write_condition
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import Request, Response, xml_response
from local_sagemaker.s3.multipart import MAX_PARTS, MultipartUploads, Upload
from local_sagemaker.s3.object_operations import (
    Operation,
    Route,
    attributes_of,
    checksum_elements,
    copy_source,
)
from local_sagemaker.s3.staging import BLOCK
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.xml_format import parse, text


class MultipartOperations:
    """The operations on multipart uploads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._uploads = MultipartUploads(store)

    def routes(self) -> dict[Route, Operation]:
        """Which request means which operation."""
        return {
            ("object", "POST", "uploads"): ("CreateMultipartUpload", self.create),
            ("object", "PUT", "uploadId"): ("UploadPart", self.upload_part),
            ("object", "PUT", "uploadId copy"): ("UploadPartCopy", self.upload_part_copy),
            ("object", "POST", "uploadId"): ("CompleteMultipartUpload", self.complete),
            ("object", "DELETE", "uploadId"): ("AbortMultipartUpload", self.abort),
            ("object", "GET", "uploadId"): ("ListParts", self.list_parts),
            ("bucket", "GET", "uploads"): ("ListMultipartUploads", self.list_uploads),
        }

    def create(self, request: Request) -> Response:
        """CreateMultipartUpload."""
        asked = request.headers.get(HEADER + "algorithm")
        algorithm = checksums.algorithm_name(asked) if asked else None
        joins = algorithm is not None and checksums.ALGORITHMS[algorithm].polynomial is not None
        # Of the CRCs, CRC64NVME has only the one kind; hashes have only the other.
        default = "FULL_OBJECT" if algorithm in (None, "CRC64NVME") else "COMPOSITE"
        kind = request.headers.get(HEADER + "type", default).upper()
        possible = {
            "FULL_OBJECT": algorithm is None or joins,
            "COMPOSITE": algorithm not in (None, "CRC64NVME"),
        }
        if not possible.get(kind):
            raise S3Error(
                "InvalidRequest", f"The {kind} checksum type cannot be used with the {algorithm} algorithm."
            )
        attributes = replace(attributes_of(request.headers), checksum_type=kind)
        upload = self._uploads.create(request.bucket, request.key, attributes, algorithm)
        headers = {HEADER + "algorithm": algorithm, HEADER + "type": kind} if algorithm else {}
        return xml_response(
            "InitiateMultipartUploadResult",
            {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id},
            headers,
        )

    def upload_part(self, request: Request) -> Response:
        """UploadPart."""
        upload, number = self._upload(request), _part_number(request)
        with self._store.stage() as file:
            check = request.receive(file, upload.algorithm)
            checksum = check.checksums.get(upload.algorithm or "")
            if upload.algorithm and not checksum:
                raise S3Error(
                    "InvalidRequest",
                    f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
                    f"actual checksum Type: {next(iter(check.checksums), 'null').lower()}",
                )
            part = self._uploads.put_part(upload, number, file, file.tell(), check.md5, checksum)
        given = {HEADER + name.lower(): value for name, value in check.checksums.items()}
        return Response(headers={"ETag": f'"{part.etag}"', **given})

    def upload_part_copy(self, request: Request) -> Response:
        """UploadPartCopy."""
        upload, number = self._upload(request), _part_number(request)
        source, body = self._store.open(*copy_source(request.headers["x-amz-copy-source"]))
        with body, self._store.stage() as file:
            check_read(request.headers, source, prefix="x-amz-copy-source-")
            wanted = request.headers.get("x-amz-copy-source-range")
            start, left = byte_range(wanted, source.size) or (0, source.size)
            body.seek(start)
            check = Check(Claims(), upload.algorithm)
            while block := body.read(min(BLOCK, left)):
                check.update(block)
                file.write(block)
                left -= len(block)
            checksum = check.checksums.get(upload.algorithm or "")
            part = self._uploads.put_part(upload, number, file, file.tell(), check.md5, checksum)
        return xml_response(
            "CopyPartResult",
            {
                "LastModified": iso_date(part.modified),
                "ETag": f'"{part.etag}"',
                **{f"Checksum{name}": value for name, value in check.checksums.items()},
            },
        )

    def complete(self, request: Request) -> Response:
        """CompleteMultipartUpload."""
        upload = self._upload(request)
        asked = parse(request.document(checked=False), "CompleteMultipartUpload").findall("Part")
        try:
            wanted = [(int(text(part, "PartNumber")), text(part, "ETag").strip('"')) for part in asked]
        except ValueError:
            raise S3Error("MalformedXML", "A PartNumber is not a number") from None
        if not wanted:
            raise S3Error("MalformedXML", "You must specify at least one part")
        condition = write_condition(request.headers, request.bucket, request.key)
        stored = self._uploads.complete(upload, wanted, condition, _claimed_checksum(request))
        return xml_response(
            "CompleteMultipartUploadResult",
            {
                "Location": f"/{stored.bucket}/{stored.key}",
                "Bucket": stored.bucket,
                "Key": stored.key,
                "ETag": f'"{stored.etag}"',
                **checksum_elements(stored.attributes),
            },
        )

    def abort(self, request: Request) -> Response:
        """AbortMultipartUpload."""
        self._uploads.abort(self._upload(request))
        return Response(204)

    def list_parts(self, request: Request) -> Response:
        """ListParts."""
        upload = self._upload(request)
        marker = request.number("part-number-marker", 0, MAX_PARTS)
        limit = request.number("max-parts", 1000, 1000)
        parts = [part for part in self._uploads.parts(upload) if part.number > marker]
        page = parts[:limit]
        return xml_response(
            "ListPartsResult",
            {
                "Bucket": upload.bucket,
                "Key": upload.key,
                "UploadId": upload.id,
                "Owner": OWNER,
                "Initiator": OWNER,
                "StorageClass": "STANDARD",
                "ChecksumAlgorithm": upload.algorithm,
                "ChecksumType": upload.attributes.checksum_type if upload.algorithm else None,
                "PartNumberMarker": marker,
                "NextPartNumberMarker": page[-1].number if page else None,
                "MaxParts": limit,
                "IsTruncated": len(parts) > len(page),
                "Part": [
                    {
                        "PartNumber": part.number,
                        "LastModified": iso_date(part.modified),
                        "ETag": f'"{part.etag}"',
                        "Size": part.size,
                        f"Checksum{upload.algorithm}": part.checksum,
                    }
                    for part in page
                ],
            },
        )

    def list_uploads(self, request: Request) -> Response:
        """ListMultipartUploads: all at once, since a laptop has few."""
        uploads = self._uploads.under_way(request.bucket, request.query.get("prefix", ""))
        return xml_response(
            "ListMultipartUploadsResult",
            {
                "Bucket": request.bucket,
                "KeyMarker": request.query.get("key-marker", ""),
                "UploadIdMarker": request.query.get("upload-id-marker", ""),
                "MaxUploads": max(1000, len(uploads)),
                "IsTruncated": False,
                "Upload": [
                    {
                        "Key": upload.key,
                        "UploadId": upload.id,
                        "Initiator": OWNER,
                        "Owner": OWNER,
                        "StorageClass": "STANDARD",
                        "Initiated": iso_date(upload.initiated),
                        "ChecksumAlgorithm": upload.algorithm,
                    }
                    for upload in uploads
                ],
            },
        )

    def _upload(self, request: Request) -> Upload:
        return self._uploads.get(request.bucket, request.key, request.query["uploadId"])


def _part_number(request: Request) -> int:
    number = request.number("partNumber", 0, MAX_PARTS + 1)
    if not 1 <= number <= MAX_PARTS:
        raise S3Error(
            "InvalidArgument", f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        )
    return number


def _claimed_checksum(request: Request) -> tuple[str, str] | None:
    """Algorithm and value of the whole object's checksum, where the client gives one."""
    claimed = checksums.claims(request.headers)
    return (claimed.algorithm, claimed.checksum) if claimed.algorithm and claimed.checksum else None
