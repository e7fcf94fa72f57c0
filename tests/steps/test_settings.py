"""The records of an environment refuse what cannot be."""

from __future__ import annotations

import pytest

from steps.settings import Machine, Network, Retry, Tags


@pytest.mark.parametrize(
    ("record", "values", "message"),
    [
        (Machine, {"instance_type": "m5.large"}, "must start with 'ml.'"),
        (Machine, {"volume_gb": 0}, "volume_gb must be at least 1, got 0"),
        (Machine, {"max_minutes": -1}, "max_minutes must be at least 1, got -1"),
        (Machine, {"spot": True, "max_wait_minutes": 1}, "must not be below max_minutes"),
        (Network, {"subnets": ("subnet-1",)}, "a VPC needs both"),
        (Retry, {"attempts": 21}, "attempts must be between 1 and 20, got 21"),
    ],
)
def test_a_value_out_of_range_is_refused(record: type, values: dict[str, object], message: str) -> None:
    """With the setting's name and what would be right."""
    with pytest.raises(ValueError, match=message):
        record(**values)


def test_tags_are_listed_in_order() -> None:
    """The order of a settings file must not change a definition."""
    assert Tags({"b": "2", "a": "1"}).request() == Tags({"a": "1", "b": "2"}).request()
