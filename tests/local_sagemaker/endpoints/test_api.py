"""The life of an endpoint: created, updated, reweighed, deleted, and what is refused on the way."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_sagemaker import serve
from tests.local_sagemaker.endpoints.conftest import ECHO, SCRIPT, XGBOOST, Host, archive, echo

SLOW_START = "import time\ntime.sleep(2)\n" + ECHO


class Load:
    """Asks an endpoint without a pause from several threads, and keeps what it got."""

    def __init__(self, host: Host, name: str, threads: int = 3) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._over = threading.Event()
        self._ask = lambda: host.ask(name, "x")
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def until(self, condition: Callable[["Load"], bool]) -> None:
        """Go on until the condition holds."""
        deadline = time.monotonic() + 60
        while not condition(self):
            assert time.monotonic() < deadline, (self.answers, self.failures)
            time.sleep(0.02)

    def more(self, number: int = 20) -> None:
        """Go on for so many more answers."""
        before = self.answers.total()
        self.until(lambda load: load.answers.total() >= before + number or bool(load.failures))

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.answers[self._ask()] += 1
            except Exception as error:  # noqa: BLE001 - it is what the test looks at
                self.failures.append(repr(error))


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """The message with which a call is refused as a ValidationException."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    return str(raised.value.response["Error"]["Message"])


def test_an_endpoint_is_described_as_sagemaker_does(host):
    """Variants with weights, counts and images once it is in service; none of what is only ours."""
    name = host.deploy(host.container(echo("a")), host.container(echo("b")), weights=(3.0, 1.0))

    description = host.sagemaker.describe_endpoint(EndpointName=name)

    assert description["EndpointArn"].endswith(f":endpoint/{name}")
    assert [each["VariantName"] for each in description["ProductionVariants"]] == ["v0", "v1"]
    first = description["ProductionVariants"][0]
    assert (first["CurrentWeight"], first["DesiredWeight"]) == (3.0, 3.0)
    assert (first["CurrentInstanceCount"], first["DesiredInstanceCount"]) == (1, 1)
    assert first["DeployedImages"][0]["SpecifiedImage"].endswith("sagemaker-scikit-learn:1.4-2")
    assert name in [each["EndpointName"] for each in host.all()]


def test_an_endpoint_is_creating_until_it_answers(host):
    """Meanwhile it cannot be asked or updated, and its name is taken."""
    configuration = host.configuration(host.model(host.container(echo("slow", SLOW_START))))
    name = host.create(configuration)
    update = host.sagemaker.update_endpoint

    assert host.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match=f"Endpoint {name} of account 123456789012 not found"):
        host.ask(name, "x")
    assert "Cannot update in-progress endpoint" in refused(
        update, EndpointName=name, EndpointConfigName=configuration
    )
    assert "Cannot create already existing endpoint" in refused(
        host.sagemaker.create_endpoint, EndpointName=name, EndpointConfigName=configuration
    )
    assert host.settled(name)["EndpointStatus"] == "InService"
    assert host.ask(name, "x") == "slow:x"


def test_deleted_while_it_is_created(host):
    """It is gone, its container with it, and the name is free."""
    configuration = host.configuration(host.model(host.container(echo("slow", SLOW_START))))
    name = host.create(configuration)

    host.sagemaker.delete_endpoint(EndpointName=name)

    host.gone(name)
    assert "Could not find endpoint" in refused(host.sagemaker.describe_endpoint, EndpointName=name)
    host.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)
    assert host.settled(name)["EndpointStatus"] == "InService"


def test_what_is_not_there_is_named(host):
    """Endpoints, configurations and models, each in SageMaker's words."""
    sagemaker = host.sagemaker
    variant = {
        "VariantName": "v",
        "ModelName": "none",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }

    for call in (sagemaker.describe_endpoint, sagemaker.delete_endpoint):
        assert refused(call, EndpointName="none").startswith('Could not find endpoint "arn:aws:sagemaker:')
    assert "Could not find endpoint configuration" in refused(
        sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="none"
    )
    assert "Could not find endpoint configuration" in refused(
        sagemaker.describe_endpoint_config, EndpointConfigName="none"
    )
    assert "Could not find model" in refused(
        sagemaker.create_endpoint_config, EndpointConfigName="c", ProductionVariants=[variant]
    )


def test_a_configuration_is_checked(host):
    """Names that repeat, instances that are not said, no weight at all."""
    model = host.model(host.container(echo("a")))
    variant = {
        "VariantName": "v",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    bare = {"VariantName": "v", "ModelName": model}
    wrong = [
        ([variant, variant], "'v' comes twice"),
        ([bare], "needs InstanceType and InitialInstanceCount"),
        ([{**variant, "InitialVariantWeight": 0.0}], "weight greater than 0"),
        (
            [{**variant, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}],
            "excludes InitialInstanceCount",
        ),
    ]

    for variants, message in wrong:
        call = host.sagemaker.create_endpoint_config
        assert message in refused(call, EndpointConfigName="wrong", ProductionVariants=variants)


def test_a_configuration_can_be_listed_and_deleted(host):
    """Deleting it leaves endpoints that were made of it alone."""
    configuration = host.configuration(host.model(host.container(echo("a"))))
    name = host.create(configuration)
    host.settled(name)

    listed = host.sagemaker.list_endpoint_configs(NameContains=configuration)["EndpointConfigs"]
    host.sagemaker.delete_endpoint_config(EndpointConfigName=configuration)

    assert [each["EndpointConfigName"] for each in listed] == [configuration]
    assert host.ask(name, "x") == "a:x"
    assert "Could not find endpoint configuration" in refused(
        host.sagemaker.delete_endpoint_config, EndpointConfigName=configuration
    )


def test_an_image_that_nothing_serves_is_refused_at_once(host):
    """The message says how to name a program for it."""
    data = host.container(
        archive({"name": "x"}), "123.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2", {}
    )
    model = host.model({**data, "Image": "123.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1"})
    configuration = host.configuration(model)

    message = refused(host.sagemaker.create_endpoint, EndpointName="e-none", EndpointConfigName=configuration)

    assert "[tool.local_sagemaker.serving]" in message


def test_missing_model_data_fails_the_endpoint(host):
    """The reason names the object."""
    container = {**host.container(echo("a")), "ModelDataUrl": f"s3://{host.bucket}/none/model.tar.gz"}
    name = host.create(host.configuration(host.model(container)))

    description = host.settled(name)

    assert description["EndpointStatus"] == "Failed"
    assert f"s3://{host.bucket}/none/model.tar.gz" in description["FailureReason"]


def test_traffic_is_shared_by_weight(host):
    """A variant of weight 0 gets none unless it is named; new weights hold at once."""
    name = host.deploy(host.container(echo("a")), host.container(echo("b")), weights=(1.0, 0.0))
    call = host.sagemaker.update_endpoint_weights_and_capacities

    before = {host.ask(name, "x") for _ in range(20)}
    named = host.runtime.invoke_endpoint(EndpointName=name, Body="x", TargetVariant="v1")
    call(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "v0", "DesiredWeight": 0.0},
            {"VariantName": "v1", "DesiredWeight": 2.0, "DesiredInstanceCount": 3},
        ],
    )
    after = {host.ask(name, "x") for _ in range(20)}

    assert before == {"a:x"}
    assert named["InvokedProductionVariant"] == "v1"
    assert after == {"b:x"}
    second = host.settled(name)["ProductionVariants"][1]
    assert (second["CurrentWeight"], second["CurrentInstanceCount"]) == (2.0, 3)
    unknown = [{"VariantName": "none", "DesiredWeight": 1.0}]
    assert "none" in refused(call, EndpointName=name, DesiredWeightsAndCapacities=unknown)
    with pytest.raises(ClientError, match="Variant none not found"):
        host.runtime.invoke_endpoint(EndpointName=name, Body="x", TargetVariant="none")


def test_both_variants_get_their_share(host):
    """Of 200 requests at equal weights each variant gets more than a quarter (its chance of less is 1 in 10^12)."""
    name = host.deploy(host.container(echo("a")), host.container(echo("b")))

    counts = Counter(host.ask(name, "x") for _ in range(200))

    assert min(counts["a:x"], counts["b:x"]) > 50


def test_an_update_loses_no_request(host):
    """Under load, all traffic moves from the old model to the new one, and no request fails on the way."""
    name = host.deploy(host.container(echo("old")))
    configuration = host.configuration(host.model(host.container(echo("new"))))

    with Load(host, name) as load:
        load.until(lambda load: load.answers["old:x"] >= 20)
        host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
        load.until(lambda load: load.answers["new:x"] >= 20)

    assert not load.failures
    assert set(load.answers) == {"old:x", "new:x"}
    assert host.settled(name)["EndpointConfigName"] == configuration
    assert host.ask(name, "x") == "new:x"


def test_a_request_that_is_under_way_is_answered_by_the_old_fleet(host):
    """An update waits for it before it ends the process that works on it."""
    script = ECHO.replace("return body", "import time; time.sleep(float(body)); return body")
    name = host.deploy(host.container(echo("old", script)))
    configuration = host.configuration(host.model(host.container(echo("new"))))

    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(host.ask, name, "4")
        host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
        while host.ask(name, "0") != "new:0":
            pass
        assert under_way.result() == "old:4"


def test_a_broken_update_leaves_the_old_model_in_service(host):
    """The endpoint says why it was not updated, and the next update works."""
    name = host.deploy(host.container(echo("old")))
    broken = host.configuration(host.model(host.container(echo("x", "import nowhere"))))

    with Load(host, name, threads=1) as load:
        host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
        description = host.settled(name)
        load.more()

    assert not load.failures
    assert set(load.answers) == {"old:x"}
    assert description["EndpointStatus"] == "InService"
    assert "nowhere" in description["FailureReason"]
    assert description["EndpointConfigName"] != broken
    again = host.configuration(host.model(host.container(echo("new"))))
    host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=again)
    assert "FailureReason" not in host.settled(name)
    assert host.ask(name, "x") == "new:x"


def test_of_two_updates_at_once_one_is_refused(host):
    """The second is told that the first is in progress; the first goes through."""
    name = host.deploy(host.container(echo("old")))
    configurations = [host.configuration(host.model(host.container(echo(new)))) for new in ("b", "c")]
    outcomes = []

    def update(configuration: str) -> None:
        try:
            host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
            outcomes.append(configuration)
        except ClientError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=update, args=(one,)) for one in configurations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = [one for one in outcomes if one in configurations]
    assert len(done) == 1
    assert any("Cannot update in-progress endpoint" in one for one in outcomes)
    assert host.settled(name)["EndpointConfigName"] == done[0]


def test_an_update_may_keep_the_weights(host):
    """RetainAllVariantProperties carries them over to variants of the same name, but for what is excluded."""
    name = host.deploy(host.container(echo("a")), host.container(echo("b")), weights=(1.0, 3.0))
    models = [host.model(host.container(echo(new))) for new in ("c", "d")]
    update = host.sagemaker.update_endpoint

    update(EndpointName=name, EndpointConfigName=host.configuration(*models), RetainAllVariantProperties=True)
    kept = [each["CurrentWeight"] for each in host.settled(name)["ProductionVariants"]]
    update(
        EndpointName=name,
        EndpointConfigName=host.configuration(*models),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    excluded = [each["CurrentWeight"] for each in host.settled(name)["ProductionVariants"]]

    assert (kept, excluded) == ([1.0, 3.0], [1.0, 1.0])


def test_deleting_under_load_ends_with_not_found(host):
    """Whoever asks afterwards is told that there is no such endpoint, and nothing hangs."""
    name = host.deploy(host.container(echo("a")))

    with Load(host, name) as load:
        load.more()
        host.sagemaker.delete_endpoint(EndpointName=name)
        load.until(lambda load: bool(load.failures))

    assert any(f"Endpoint {name} of account" in failure for failure in load.failures)
    host.gone(name)


def test_a_model_package_is_served(host):
    """A model may name a package in place of an image; the package's container is run."""
    container = host.container(echo("package"))
    group = f"g-{host.configuration(host.model(container))}"
    host.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = host.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]

    name = host.deploy({"ModelPackageName": package})

    assert host.ask(name, "x") == "package:x"


def test_containers_in_a_row_hand_on_what_they_answer(host):
    """A serial inference pipeline: the second container is asked what the first has answered, and as its type."""
    script = ECHO.replace('"text/plain"', '"text/csv"')
    model = host.model(host.container(echo("one", script)), host.container(echo("two", script)))
    name = host.create(host.configuration(model))
    host.settled(name)

    assert host.ask(name, "x") == "two:one:x"


def test_endpoints_outlive_the_local_sagemaker(tmp_path, client):
    """After a restart an endpoint that was in service answers again, and so does one whose update was cut short."""
    import boto3

    def connected(local: Any) -> Host:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        return Host(
            lambda service: session.client(service, endpoint_url=local.url),
            local.settings.bucket,
            local.settings.role_arn,
        )

    with serve(tmp_path / "state") as local:
        host = connected(local)
        plain = host.deploy(host.container(echo("plain")))
        updated = host.deploy(host.container(echo("old")))
        slow = host.configuration(host.model(host.container(echo("new", SLOW_START))))
        host.sagemaker.update_endpoint(EndpointName=updated, EndpointConfigName=slow)
    with serve(tmp_path / "state") as local:
        host = connected(local)
        assert host.ask(plain, "x") == "plain:x"
        assert host.settled(updated)["EndpointConfigName"] == slow
        assert host.ask(updated, "x") == "new:x"


def test_names_differ_in_case_only_in_arns(host):
    """An ARN has the name in lower case; the endpoint keeps it as it was given."""
    configuration = host.configuration(host.model(host.container(echo("a"), XGBOOST, SCRIPT)))
    host.sagemaker.create_endpoint(EndpointName="Upper-Case", EndpointConfigName=configuration)
    host.made.append("Upper-Case")

    description = host.settled("Upper-Case")

    assert description["EndpointArn"].endswith(":endpoint/upper-case")
    assert description["EndpointName"] == "Upper-Case"


def test_containers_may_be_asked_by_themselves(host):
    """InferenceExecutionConfig Direct: the request says which container; another, or none, is refused."""
    model = host.model(
        host.container(echo("one"), ContainerHostname="first"),
        host.container(echo("two"), ContainerHostname="second"),
        InferenceExecutionConfig={"Mode": "Direct"},
    )
    name = host.create(host.configuration(model))
    host.settled(name)

    assert host.ask(name, "x", TargetContainerHostname="second") == "two:x"
    for wrong in ({}, {"TargetContainerHostname": "third"}):
        with pytest.raises(ClientError, match="must be one of first, second"):
            host.ask(name, "x", **wrong)


def test_a_shadow_is_asked_too_and_never_answers(host, client):
    """Its log and the captured data show that it was asked; the client sees the production variant only."""
    shadow = ECHO.replace("return body", "print('shadow saw', body); return body")
    models = [host.model(host.container(echo("real"))), host.model(host.container(echo("shadow", shadow)))]
    variants = [
        {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        for name, model in zip(("real", "ghost"), models, strict=True)
    ]
    configuration = f"c-{models[0]}"
    host.sagemaker.create_endpoint_config(
        EndpointConfigName=configuration,
        ProductionVariants=variants[:1],
        ShadowProductionVariants=variants[1:],
    )
    name = host.create(configuration)
    description = host.settled(name)

    answers = {host.ask(name, str(number)) for number in range(5)}

    assert answers == {f"real:{number}" for number in range(5)}
    assert [each["VariantName"] for each in description["ShadowProductionVariants"]] == ["ghost"]
    deadline = time.monotonic() + 20
    while True:
        events = client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["events"]
        if sum("shadow saw" in event["message"] for event in events) == 5:
            break
        assert time.monotonic() < deadline, events
        time.sleep(0.05)
    listed = client("cloudwatch").list_metrics(
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
    )
    variants = {each["Value"] for metric in listed["Metrics"] for each in metric["Dimensions"][1:]}
    assert variants == {"real", "ghost"}


def test_an_endpoint_is_deleted_once(host):
    """A second deletion finds it in progress or gone, and never takes the endpoint that has the name next."""
    script = ECHO.replace("return body", "import time; time.sleep(float(body)); return body")
    name = host.deploy(host.container(echo("x", script)))
    configuration = host.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]

    host.sagemaker.delete_endpoint(EndpointName=name)
    message = refused(host.sagemaker.delete_endpoint, EndpointName=name)
    host.gone(name)
    host.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)

    assert "in-progress" in message or "Could not find" in message
    assert host.settled(name)["EndpointStatus"] == "InService"
    assert host.ask(name, "0") == "x:0"
