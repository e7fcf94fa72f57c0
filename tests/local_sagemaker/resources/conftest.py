import pytest

from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.records import Records
from local_sagemaker.resources.generic import GenericResources
from local_sagemaker.resources.image_versions import ImageVersions
from local_sagemaker.resources.model_package_groups import ModelPackageGroups
from local_sagemaker.resources.model_packages import ModelPackages
from local_sagemaker.resources.models import Models
from local_sagemaker.resources.search import Search
from local_sagemaker.resources.tags import Tags
from local_sagemaker.settings import Settings


@pytest.fixture
def records(tmp_path):
    records = Records(tmp_path / "records.sqlite")
    yield records
    records.close()


@pytest.fixture
def call(tmp_path, records):
    """Run an operation of any resource, as a client does: ``call("DescribeModel", ModelName="m")``."""
    settings = Settings(folder=tmp_path)
    control_plane = ControlPlane(settings)
    for module in (
        Models(settings, records),
        ModelPackageGroups(settings, records),
        ModelPackages(settings, records),
        Tags(records),
        Search(records),
        GenericResources(settings, records),
        ImageVersions(settings, records),
    ):
        control_plane.add(module.operations())

    def run(operation, **request):
        return control_plane.call(operation, request)

    return run
