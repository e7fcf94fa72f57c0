from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_sagemaker.s3.listing import Place, list_page
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.walk import KeyWalk

NAMES = st.text(st.sampled_from("ab-/.%~é\U0001d11e\0"), min_size=1, max_size=6) | st.builds(
    "".join,
    st.tuples(
        st.sampled_from("ab/"),
        st.sampled_from(["x" * 239, "x" * 240, "x" * 300]),
        st.text("%~/a", max_size=4),
    ),
)
KEY_SETS = st.sets(NAMES, max_size=12)


@pytest.fixture(scope="module")
def new_bucket() -> Iterator[Callable[[set[str]], ObjectStore]]:
    """Stores with one bucket of the given keys, in folders that all go at the end."""
    memory = Path("/dev/shm")  # removing some ten thousand small files from a disk takes seconds
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        numbers = iter(range(1_000_000))

        def new(keys: set[str]) -> ObjectStore:
            store = ObjectStore(Path(folder, str(next(numbers))))
            store.create_bucket("bucket")
            for key in keys:
                store.put("bucket", key, b"")
            return store

        yield new


def in_order(keys: set[str]) -> list[str]:
    return sorted(keys, key=str.encode)


@settings(max_examples=40, deadline=None)
@given(keys=KEY_SETS, prefix=st.text("ab/-.", max_size=3), after=st.text("ab/-é", max_size=3))
def test_a_walk_is_the_sorted_set_of_keys(
    new_bucket: Callable[[set[str]], ObjectStore], keys: set[str], prefix: str, after: str
) -> None:
    """Keys come in UTF-8 order, those with the prefix only, those after a key only, each once."""
    store = new_bucket(keys)
    expected = [key for key in in_order(keys) if key.startswith(prefix) and key.encode() > after.encode()]

    assert list(KeyWalk(store.root / "bucket", prefix, after)) == expected


def pages(store: ObjectStore, **arguments: Any) -> Iterator[tuple[list[str], list[str]]]:
    place: Place | None = Place()
    while place is not None:
        page = list_page(store, "bucket", after=place, **arguments)
        yield [stored.key for stored in page.objects], page.common_prefixes
        place = Place.of_token(page.next.token()) if page.next else None


def rolled_up(keys: set[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    """What S3's documentation says of prefix and delimiter, on a plain set."""
    objects: list[str] = []
    prefixes: list[str] = []
    for key in in_order(keys):
        rest = key.removeprefix(prefix)
        if not key.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            common = prefix + rest[: rest.index(delimiter) + len(delimiter)]
            prefixes += [] if common in prefixes else [common]
        else:
            objects.append(key)
    return objects, prefixes


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    keys=KEY_SETS,
    prefix=st.text("ab/-", max_size=3),
    delimiter=st.sampled_from(["", "/", "-", "a", "b/"]),
    limit=st.integers(1, 5),
)
def test_pages_add_up_to_the_model(
    new_bucket: Callable[[set[str]], ObjectStore], keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    """Pages of any size, together, are what a sorted set gives; each but the last is full."""
    found = list(pages(new_bucket(keys), prefix=prefix, delimiter=delimiter, limit=limit))
    objects, prefixes = rolled_up(keys, prefix, delimiter)

    assert [key for page, _ in found for key in page] == objects
    assert [each for _, page in found for each in page] == prefixes
    assert all(len(page[0]) + len(page[1]) == limit for page in found[:-1])


def test_what_is_not_an_object_is_not_listed(store: ObjectStore, tmp_path: Path) -> None:
    """Links, empty folders and names that no key can have are passed over."""
    bucket = store.root / "bucket"
    (bucket / "empty/folder").mkdir(parents=True)
    (bucket / "link").symlink_to(tmp_path)
    (bucket / b"\xff".decode(errors="surrogateescape")).write_text("not UTF-8")
    (bucket / "x%~e").write_text("looks escaped, but is not the path of any key")
    (bucket / "real").write_text("by hand")

    assert list(KeyWalk(bucket)) == ["real"]


def test_a_prefix_of_links_leads_nowhere(store: ObjectStore, tmp_path: Path) -> None:
    """A walk does not begin behind a symbolic link."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("not an object")
    (store.root / "bucket" / "link").symlink_to(tmp_path / "outside")

    assert list(KeyWalk(store.root / "bucket", "link/")) == []
