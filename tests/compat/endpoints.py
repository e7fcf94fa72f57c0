"""A user's program that puts a model into service with the SDK's resource classes, asks it, and takes it down.

python endpoints.py IMAGE ROLE MODEL_DATA
"""

import sys

from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant


def main(image: str, role: str, model_data: str) -> None:
    """Create, wait, invoke, delete, wait."""
    container = ContainerDefinition(image=image, model_data_url=model_data)
    model = Model.create(model_name="sdk-model", execution_role_arn=role, primary_container=container)
    variant = ProductionVariant(
        variant_name="AllTraffic",
        model_name=model.model_name,
        instance_type="ml.m5.large",
        initial_instance_count=1,
    )
    configuration = EndpointConfig.create(endpoint_config_name="sdk-config", production_variants=[variant])
    endpoint = Endpoint.create(
        endpoint_name="sdk-endpoint", endpoint_config_name=configuration.endpoint_config_name
    )
    endpoint.wait_for_status("InService", poll=1)
    answer = endpoint.invoke(body="1,2,3", content_type="text/csv", accept="application/json")
    sys.stdout.write(f"\n{answer.invoked_production_variant} {answer.body.read().decode()}\n")
    endpoint.delete()
    endpoint.wait_for_delete(poll=1)
    configuration.delete()
    model.delete()
    sys.stdout.write("\ndeleted\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
