import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local_sagemaker.s3 import names
from local_sagemaker.s3.errors import S3Error

KEYS = st.text(
    st.one_of(st.sampled_from("/.%~-+e0\0\\ é𝄞"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=400,
)


def key_of(components: list[str]) -> str:
    key = ""
    for number, name in enumerate(components, start=1):
        key = names.join(key, name, is_folder=number < len(components))
    return key


@given(KEYS)
@example("a/../../etc/passwd")
@example("%~%~~e%~-")
@example("x" * 239 + "%~" + "y")
@example("x" * 240 + "..")
def test_a_path_reads_as_its_key(key: str) -> None:
    """Whatever the key, its file's path decodes to exactly that key."""
    assert key_of(names.components(key)) == key


@given(KEYS)
def test_a_path_stays_in_its_folder(key: str) -> None:
    """No component is empty, ``.``, ``..``, too long for a file system, or has a slash or a NUL in it."""
    for component in names.components(key):
        assert component not in ("", ".", "..")
        assert len(component.encode()) + len(names.BESIDE) <= 255
        assert not {"/", "\0"} & set(component)


@given(KEYS, KEYS)
def test_two_keys_never_share_a_path(one: str, other: str) -> None:
    """Different keys have different paths, also where an object steps aside for a folder."""
    paths = {
        (*names.components(key)[:-1], names.components(key)[-1] + end)
        for key in (one, other)
        for end in ("", names.BESIDE)
    }

    assert len(paths) == (2 if one == other else 4)


@pytest.mark.parametrize(
    "key", ["data/2024/a.csv", "date=2024-01-01/x%3A+y.parquet", "ä ö.txt", ".hidden", "100%.txt"]
)
def test_common_keys_are_plain_paths(key: str) -> None:
    """A key that a file system can hold is the file of that name."""
    assert "/".join(names.components(key)) == key


@pytest.mark.parametrize(
    "name", ["ab", "A-b", "a_b", "-ab", "ab-", "a..b", "..", ".s3", "a/b", "", "x" * 64, "a\n"]
)
def test_bucket_names_that_s3_refuses_are_refused(name: str) -> None:
    """A bucket name that S3 refuses is refused, and with it any that could be another folder."""
    with pytest.raises(S3Error, match="not valid") as caught:
        names.check_bucket_name(name)

    assert caught.value.code == "InvalidBucketName"


@pytest.mark.parametrize(
    ("key", "code"), [("x" * 1025, "KeyTooLongError"), ("", "InvalidRequest"), ("\ud800", "InvalidURI")]
)
def test_keys_that_s3_refuses_are_refused(key: str, code: str) -> None:
    """A key that S3 refuses gets S3's error."""
    with pytest.raises(S3Error) as caught:
        names.check_key(key)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/a/b",
        "https://bucket.s3.amazonaws.com/a/b",
        "https://bucket.s3.us-east-1.amazonaws.com/a/b",
        "https://bucket.s3-us-west-2.amazonaws.com/a/b",
        "https://s3.amazonaws.com/bucket/a/b",
        "https://s3-eu-west-1.amazonaws.com/bucket/a/b",
    ],
)
def test_the_addresses_of_an_object(uri: str) -> None:
    """An S3 URI, and S3's own addresses in both styles and in those of older regions."""
    assert names.split_uri(uri) == ("bucket", "a/b")


@pytest.mark.parametrize("uri", ["/tmp/x", "https://bucket/key", "s3:/bucket/key", "s3://", "bucket/key"])
def test_other_uris_are_refused(uri: str) -> None:
    """What is no S3 URI is answered with the form that is."""
    with pytest.raises(S3Error, match="expected s3://bucket/key"):
        names.split_uri(uri)
