import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.errors import ValidationException
from local_sagemaker.listing import page


def job(name, created=0.0, status="Completed", **more):
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "TrainingJobStatus": status,
        "CreationTime": created,
        "LastModifiedTime": 100 - created,
        **more,
    }


JOBS = [
    job("apple", 1.0),
    job("banana", 2.0, "Failed"),
    job("pear", 3.0),
    job("pineapple", 4.0, "InProgress"),
]


def names(answer):
    return [summary["TrainingJobName"] for summary in answer["TrainingJobSummaries"]]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["pineapple", "pear", "banana", "apple"]),
        ({"SortOrder": "Ascending"}, ["apple", "banana", "pear", "pineapple"]),
        ({"SortBy": "Name", "SortOrder": "Descending"}, ["pineapple", "pear", "banana", "apple"]),
        ({"SortBy": "Status", "SortOrder": "Ascending"}, ["apple", "pear", "banana", "pineapple"]),
        ({"NameContains": "apple"}, ["pineapple", "apple"]),
        ({"NameContains": "Apple"}, []),
        ({"StatusEquals": "Failed"}, ["banana"]),
        ({"CreationTimeAfter": 2.0, "CreationTimeBefore": 4.0}, ["pear", "banana"]),
        ({"LastModifiedTimeAfter": 98.0}, ["banana", "apple"]),
        ({"TrainingPlanArnEquals": "arn:aws:x"}, []),
        ({"MaxResults": 2}, ["pineapple", "pear"]),
    ],
)
def test_a_list_is_filtered_and_sorted(request_, expected):
    """Filters and orders are read off their names."""
    assert names(page("ListTrainingJobs", JOBS, request_, kind="TrainingJob")) == expected


def test_newer_operations_write_their_words_in_capitals():
    """LAST_MODIFIED_TIME and DESCENDING mean what they mean elsewhere."""
    images = [{"ImageName": name, "LastModifiedTime": when} for name, when in (("a", 1.0), ("b", 2.0))]
    request = {"SortBy": "LAST_MODIFIED_TIME", "SortOrder": "DESCENDING"}

    answer = page("ListImages", images, request, kind="Image")

    assert [image["ImageName"] for image in answer["Images"]] == ["b", "a"]


def test_a_kind_can_say_what_its_filters_mean():
    """A filter that does not follow the rule is a function."""
    jobs = [job("a", WarmPoolStatus={"Status": "InUse"}), job("b")]
    filters = {
        "WarmPoolStatusEquals": lambda found, status: found.get("WarmPoolStatus", {}).get("Status") == status
    }
    request = {"WarmPoolStatusEquals": "InUse"}

    assert names(page("ListTrainingJobs", jobs, request, kind="TrainingJob", filters=filters)) == ["a"]


def test_without_a_size_a_page_has_ten():
    """AWS's default page."""
    jobs = [job(f"j{n:02}", float(n)) for n in range(11)]
    first = page("ListTrainingJobs", jobs, {}, kind="TrainingJob")
    rest = page("ListTrainingJobs", jobs, {"NextToken": first["NextToken"]}, kind="TrainingJob")

    assert (len(names(first)), len(names(rest))) == (10, 1)
    assert "NextToken" not in rest


@pytest.mark.parametrize("token", ["nonsense", "e30=", "bnVsbA==", "é"])
def test_a_token_that_nobody_made_is_refused(token):
    """A wrong token is the client's mistake."""
    with pytest.raises(ValidationException, match="NextToken"):
        page("ListTrainingJobs", JOBS, {"NextToken": token}, kind="TrainingJob")


def test_a_token_belongs_to_its_request():
    """A token cannot carry on another list."""
    token = page("ListTrainingJobs", JOBS, {"MaxResults": 1}, kind="TrainingJob")["NextToken"]

    assert names(page("ListTrainingJobs", JOBS, {"NextToken": token}, kind="TrainingJob"))[0] == "pear"
    with pytest.raises(ValidationException):
        page("ListTrainingJobs", JOBS, {"NextToken": token, "NameContains": "a"}, kind="TrainingJob")


@given(
    times=st.lists(st.integers(0, 3), max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=15),
    order=st.sampled_from(["Ascending", "Descending"]),
    by=st.sampled_from(["Name", "CreationTime", "Status"]),
    added=st.lists(st.integers(0, 9), max_size=4),
)
def test_every_item_comes_once_and_in_order(times, sizes, order, by, added):
    """For any page size, also one that changes, and while others are added, the first items all come once."""
    jobs = [job(f"j{n:02}", float(when), "ab"[when % 2]) for n, when in enumerate(times)]
    first = {found["TrainingJobName"] for found in jobs}
    request, found = {"SortBy": by, "SortOrder": order}, []
    for turn in range(100):
        size = sizes[turn % len(sizes)]
        answer = page("ListTrainingJobs", jobs, {**request, "MaxResults": size}, kind="TrainingJob")
        found += answer["TrainingJobSummaries"]
        if added:
            when = added.pop()
            jobs.append(job(f"k{when}{len(added)}", float(when)))
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]

    seen = [item["TrainingJobName"] for item in found]
    assert len(seen) == len(set(seen))
    assert first <= set(seen)
    member = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(by, by)
    assert [item[member] for item in found] == sorted(
        (item[member] for item in found), reverse=order == "Descending"
    )
