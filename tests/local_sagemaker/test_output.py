import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.output import shaped
from local_sagemaker.service_model import output_shape, service_model

MODEL = output_shape("DescribeModel")


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"ModelName": "m", "_Folder": "/x", "Nonsense": 1}, {"ModelName": "m"}),
        ({"ModelName": None, "CreationTime": 1.5}, {"CreationTime": 1.5}),
        ({"VpcConfig": {}}, {}),
        ({"VpcConfig": {"Subnets": None, "_x": 1}}, {}),
        ({"VpcConfig": {"Subnets": []}}, {"VpcConfig": {"Subnets": []}}),
        ({"PrimaryContainer": {"ImageConfig": {}, "Image": "i"}}, {"PrimaryContainer": {"Image": "i"}}),
        ({"PrimaryContainer": {"Environment": {}}}, {"PrimaryContainer": {"Environment": {}}}),
        (
            {"PrimaryContainer": {"Environment": {"_A": "1"}}},
            {"PrimaryContainer": {"Environment": {"_A": "1"}}},
        ),
        ({"Containers": [{}, None, {"Image": "i"}]}, {"Containers": [{"Image": "i"}]}),
        ({"EnableNetworkIsolation": False}, {"EnableNetworkIsolation": False}),
    ],
)
def test_only_what_the_shape_has_is_answered(document, answer):
    """Private, unknown, empty and absent members are left out; maps, lists and false stay."""
    assert shaped(MODEL, document) == answer


def test_a_structure_without_members_is_a_message():
    """Where the model gives a structure no members, {} is all that can be said, and is said."""
    model = service_model()
    markers = [
        name
        for name in model.shape_names
        if (shape := model.shape_for(name)).type_name == "structure" and not shape.members
    ]
    assert markers
    for shape in (model.shape_for(name) for name in model.shape_names):
        for name, member in shape.members.items() if shape.type_name == "structure" else ():
            if member.name in markers:
                assert shaped(shape, {name: {}}) == {name: {}}


documents = st.recursive(
    st.none() | st.booleans() | st.text("ab", max_size=2),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["PrimaryContainer", "VpcConfig", "ImageConfig", "Image", "Subnets", "Containers"]
            ),
            below,
            max_size=3,
        )
    ),
)


@given(document=documents)
def test_no_structure_is_ever_answered_empty(document):
    """Whatever a document holds, {} does not stand where a structure is expected, and shaping twice is once."""
    answer = shaped(MODEL, document)

    assert shaped(MODEL, answer) == answer
    assert not list(_empty(MODEL, answer)) or answer == {}


def _empty(shape, value):
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, below in value.items():
            if below == {} and shape.members[name].type_name == "structure":
                yield name
            yield from _empty(shape.members[name], below)
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from ["item"] if item == {} else _empty(shape.member, item)
