"""The resource types that a stack creates through their own services: property for property what the API takes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.stacks import buckets

Clients = Callable[[str], Any]  # service -> boto3 client
Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """A resource that is there. ``id`` is what Ref gives."""

    id: str
    attributes: Mapping[str, str] = field(default_factory=dict)  # what GetAtt gives


@dataclass(frozen=True)
class Kind:
    """One resource type. ``put`` creates it or brings it up to date; a name that is not given was made up."""

    type: str
    name: str  # the property that names it; empty where the service does
    put: Callable[[Clients, str, Properties], Made]
    delete: Callable[[Clients, str, Properties], None]
    attributes: tuple[str, ...] = ()


def _without(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _lower(value: Any) -> Any:
    """Names as CodeBuild and CodePipeline write them; an action's configuration keeps its own."""
    if isinstance(value, Mapping):
        return {
            name[0].lower() + name[1:]: inner if name == "Configuration" else _lower(inner)
            for name, inner in value.items()
        }
    return [_lower(each) for each in value] if isinstance(value, list) else value


def _typed(value: Any) -> Any:
    """Numbers and truths that templates may write as texts."""
    if isinstance(value, Mapping):
        return {name: _typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


# SageMaker: behind the front.


def _put_group(clients: Clients, name: str, properties: Properties) -> Made:
    sagemaker = clients("sagemaker")
    try:
        arn = sagemaker.create_model_package_group(**{**properties, "ModelPackageGroupName": name})[
            "ModelPackageGroupArn"
        ]
    except ClientError:
        found = sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        arn = found["ModelPackageGroupArn"]
        if properties.get("Tags"):
            sagemaker.add_tags(ResourceArn=arn, Tags=properties["Tags"])
    return Made(arn, {"ModelPackageGroupArn": arn})


def _put_pipeline(clients: Clients, name: str, properties: Properties) -> Made:
    sagemaker = clients("sagemaker")
    written = properties["PipelineDefinition"]
    if "PipelineDefinitionBody" in written:
        definition = {"PipelineDefinition": written["PipelineDefinitionBody"]}
    else:
        place = {"Bucket": written["PipelineDefinitionS3Location"]["Bucket"]}
        place["ObjectKey"] = written["PipelineDefinitionS3Location"]["Key"]
        definition = {"PipelineDefinitionS3Location": place}
    request = {**_without(properties, "PipelineDefinition", "Tags"), **definition, "PipelineName": name}
    try:
        sagemaker.describe_pipeline(PipelineName=name)
    except ClientError:
        sagemaker.create_pipeline(**request, Tags=properties.get("Tags", []))
    else:
        sagemaker.update_pipeline(**request)
    return Made(name)


def _put_key(clients: Clients, name: str, properties: Properties) -> Made:
    """moto has a model of keys, which fails on tags."""
    kms, policy = clients("kms"), json.dumps(properties.get("KeyPolicy", {}))
    try:
        key = kms.describe_key(KeyId=name)["KeyMetadata"]
        kms.put_key_policy(KeyId=name, PolicyName="default", Policy=policy)
    except ClientError:
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags", [])]
        taken = {key: properties[key] for key in ("Description", "KeyUsage", "KeySpec") if key in properties}
        key = kms.create_key(**taken, Policy=policy, Tags=tags)["KeyMetadata"]
    if _typed(properties.get("EnableKeyRotation", False)):
        kms.enable_key_rotation(KeyId=key["KeyId"])
    return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _put_role(clients: Clients, name: str, properties: Properties) -> Made:
    """moto's own model keeps its policies in a form that its IAM cannot tell."""
    iam = clients("iam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    taken = {
        key: _typed(properties[key]) if key != "Description" else properties[key]
        for key in ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags")
        if key in properties
    }
    if "MaxSessionDuration" in taken:
        taken["MaxSessionDuration"] = int(taken["MaxSessionDuration"])
    try:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **taken)["Role"]
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        _clear_role(iam, name)
        role = iam.get_role(RoleName=name)["Role"]
    for policy in properties.get("Policies", []):
        document = {**policy["PolicyDocument"]}
        document["Statement"] = [each for each in document["Statement"] if each is not None]
        iam.put_role_policy(
            RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(document, default=str)
        )
    for arn in properties.get("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _clear_role(iam: Any, name: str) -> None:
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])


def _delete_role(clients: Clients, name: str, properties: Properties) -> None:
    del properties
    _clear_role(clients("iam"), name)
    clients("iam").delete_role(RoleName=name)


# Monitoring and messages.


def _put_alarm(clients: Clients, name: str, properties: Properties) -> Made:
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(**{**_alarm(properties), "AlarmName": name})
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return Made(name, {"Arn": alarm["AlarmArn"]})


def _alarm(properties: Properties) -> dict[str, Any]:
    numbers = {"Threshold": float, "Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int}
    return {
        name: numbers[name](value) if name in numbers else _typed(value) for name, value in properties.items()
    }


def _put_subscription(clients: Clients, name: str, properties: Properties) -> Made:
    del name
    attributes = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
        if key in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
    }
    made = clients("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties.get("Endpoint", ""),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    return Made(made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]})


def _put_topic_policy(clients: Clients, name: str, properties: Properties) -> Made:
    for topic in properties["Topics"]:
        clients("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(properties["PolicyDocument"])
        )
    return Made(name, {"Id": name})


def _put_queue_policy(clients: Clients, name: str, properties: Properties) -> Made:
    for queue in properties["Queues"]:
        clients("sqs").set_queue_attributes(
            QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Made(name, {"Id": name})


def _put_schedule(clients: Clients, name: str, properties: Properties) -> Made:
    scheduler, request = clients("scheduler"), {**_typed(properties), "Name": name}
    try:
        arn = scheduler.create_schedule(**request)["ScheduleArn"]
    except scheduler.exceptions.ConflictException:
        arn = scheduler.update_schedule(**request)["ScheduleArn"]
    return Made(name, {"Arn": arn})


# Delivery.


def _put_build(clients: Clients, name: str, properties: Properties) -> Made:
    codebuild = clients("codebuild")
    request = {**_lower(_typed(_without(properties, "Triggers"))), "name": name}
    if "buildSpec" in request["source"]:
        request["source"]["buildspec"] = request["source"].pop("buildSpec")
    for part in ("source", "artifacts"):  # moto wants a place even where the type says it all
        if request[part]["type"] == "CODEPIPELINE":
            request[part].setdefault("location", "CODEPIPELINE")
    if codebuild.batch_get_projects(names=[name])["projects"]:
        codebuild.delete_project(name=name)
    arn = codebuild.create_project(**request)["project"]["arn"]
    return Made(name, {"Arn": arn})


def _put_delivery(clients: Clients, name: str, properties: Properties) -> Made:
    codepipeline = clients("codepipeline")
    written = _lower(_typed(_without(properties, "Name", "Tags", "RestartExecutionOnUpdate")))
    for stage in written["stages"]:
        for action in stage["actions"]:
            kind = action["actionTypeId"]
            kind["version"] = str(kind["version"])
            action["runOrder"] = int(action.get("runOrder", 1))
    request = {**written, "name": name, "version": 1}
    if name in [each["name"] for each in codepipeline.list_pipelines()["pipelines"]]:
        codepipeline.update_pipeline(pipeline=request)
    else:
        tags = [_lower(tag) for tag in properties.get("Tags", [])]
        codepipeline.create_pipeline(pipeline=request, tags=tags)
    return Made(name, {"Version": "1"})


# Governance and cost.


def _put_budget(clients: Clients, name: str, properties: Properties) -> Made:
    account, budgets = clients("sts").get_caller_identity()["Account"], clients("budgets")
    budget = dict(properties["Budget"])
    budget = {**budget, "BudgetName": budget.get("BudgetName", name)}
    if "BudgetLimit" in budget:
        limit = budget["BudgetLimit"]
        budget["BudgetLimit"] = {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}
    told = [_budget_notice(each) for each in properties.get("NotificationsWithSubscribers", [])]
    _delete_budget(clients, budget["BudgetName"], properties)
    budgets.create_budget(AccountId=account, Budget=budget, NotificationsWithSubscribers=told)
    return Made(budget["BudgetName"])


def _budget_notice(written: Properties) -> dict[str, Any]:
    notification = dict(written["Notification"])
    return {**written, "Notification": {**notification, "Threshold": float(notification["Threshold"])}}


def _delete_budget(clients: Clients, name: str, properties: Properties) -> None:
    del properties
    budgets = clients("budgets")
    try:
        budgets.delete_budget(AccountId=clients("sts").get_caller_identity()["Account"], BudgetName=name)
    except budgets.exceptions.NotFoundException:
        return


def _put_recorder(clients: Clients, name: str, properties: Properties) -> Made:
    group = {
        key[0].lower() + key[1:]: value for key, value in _typed(properties.get("RecordingGroup", {})).items()
    }
    recorder = {
        "name": name,
        "roleARN": properties["RoleARN"],
        **({"recordingGroup": group} if group else {}),
    }
    clients("config").put_configuration_recorder(ConfigurationRecorder=recorder)
    return Made(name)


def _put_channel(clients: Clients, name: str, properties: Properties) -> Made:
    names = {"S3BucketName": "s3BucketName", "S3KeyPrefix": "s3KeyPrefix", "SnsTopicARN": "snsTopicARN"}
    channel = {names[key]: value for key, value in properties.items() if key in names}
    clients("config").put_delivery_channel(DeliveryChannel={**channel, "name": name})
    return Made(name)


def _put_rule(clients: Clients, name: str, properties: Properties) -> Made:
    config = clients("config")
    rule = {**_without(properties, "Tags"), "ConfigRuleName": name}
    if isinstance(rule.get("InputParameters"), Mapping):
        rule["InputParameters"] = json.dumps(rule["InputParameters"])
    config.put_config_rule(ConfigRule=rule)
    (found,) = config.describe_config_rules(ConfigRuleNames=[name])["ConfigRules"]
    return Made(name, {"Arn": found["ConfigRuleArn"], "ConfigRuleId": found["ConfigRuleId"]})


def _put_trail(clients: Clients, name: str, properties: Properties) -> Made:
    cloudtrail = clients("cloudtrail")
    taken = _typed(
        _without(properties, "EventSelectors", "AdvancedEventSelectors", "IsLogging", "Tags", "TrailName")
    )
    taken = {{"KMSKeyId": "KmsKeyId"}.get(key, key): value for key, value in taken.items()}
    _show_moto(clients, properties["S3BucketName"])
    try:
        arn = cloudtrail.create_trail(Name=name, TagsList=properties.get("Tags", []), **taken)["TrailARN"]
    except cloudtrail.exceptions.TrailAlreadyExistsException:
        arn = cloudtrail.update_trail(Name=name, **taken)["TrailARN"]
    selectors = {
        key: _typed(properties[key])
        for key in ("EventSelectors", "AdvancedEventSelectors")
        if key in properties
    }
    if selectors:
        cloudtrail.put_event_selectors(TrailName=name, **selectors)
    if _typed(properties["IsLogging"]):
        cloudtrail.start_logging(Name=name)
    return Made(name, {"Arn": arn})


def _show_moto(clients: Clients, bucket: str) -> None:
    """CloudTrail looks for its bucket in moto's own S3; so one that is there for clients is there for it, too."""
    from moto.s3.exceptions import BucketAlreadyExists
    from moto.s3.models import s3_backends

    clients("s3").head_bucket(Bucket=bucket)
    account = clients("sts").get_caller_identity()["Account"]
    with suppress(BucketAlreadyExists):
        s3_backends[account]["aws"].create_bucket(bucket, clients("s3").meta.region_name)


def _put_oidc(clients: Clients, name: str, properties: Properties) -> Made:
    del name
    iam = clients("iam")
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    host = properties["Url"].removeprefix("https://")
    taken = {{"ClientIdList": "ClientIDList"}.get(key, key): value for key, value in properties.items()}
    known = [each["Arn"] for each in listed if each["Arn"].endswith(f"/{host}")]
    arn = known[0] if known else iam.create_open_id_connect_provider(**taken)["OpenIDConnectProviderArn"]
    return Made(arn, {"Arn": arn})


def _put_portfolio(clients: Clients, name: str, properties: Properties) -> Made:
    made = clients("servicecatalog").create_portfolio(**properties, IdempotencyToken=name)["PortfolioDetail"]
    return Made(made["Id"], {"PortfolioName": made["DisplayName"]})


def _put_product(clients: Clients, name: str, properties: Properties) -> Made:
    """With its first version; AWS takes several."""
    catalog = clients("servicecatalog")
    artifact = {**properties["ProvisioningArtifactParameters"][0], "Type": "CLOUD_FORMATION_TEMPLATE"}
    made = catalog.create_product(
        **_without(properties, "ProvisioningArtifactParameters", "ReplaceProvisioningArtifacts"),
        ProvisioningArtifactParameters=_typed(artifact),
        ProductType="CLOUD_FORMATION_TEMPLATE",
        IdempotencyToken=name,
    )
    product = made["ProductViewDetail"]["ProductViewSummary"]
    return Made(product["ProductId"], {"ProductName": product["Name"]})


KINDS: tuple[Kind, ...] = (
    Kind(
        "AWS::S3::Bucket", "BucketName", lambda *a: Made(*buckets.put(*a)), buckets.delete, buckets.ATTRIBUTES
    ),
    Kind(
        "AWS::S3::BucketPolicy",
        "",
        lambda clients, name, p: Made(buckets.put_policy(clients, name, p)),
        lambda clients, _, p: clients("s3").delete_bucket_policy(Bucket=p["Bucket"]),
    ),
    Kind(
        "AWS::SageMaker::ModelPackageGroup",
        "ModelPackageGroupName",
        _put_group,
        lambda clients, name, _: clients("sagemaker").delete_model_package_group(ModelPackageGroupName=name),
        ("ModelPackageGroupArn",),
    ),
    Kind(
        "AWS::SageMaker::Pipeline",
        "PipelineName",
        _put_pipeline,
        lambda clients, name, _: clients("sagemaker").delete_pipeline(PipelineName=name),
    ),
    Kind("AWS::IAM::Role", "RoleName", _put_role, _delete_role, ("Arn", "RoleId")),
    Kind(
        "AWS::KMS::Key",
        "",
        _put_key,
        lambda clients, name, p: clients("kms").schedule_key_deletion(
            KeyId=name, PendingWindowInDays=int(p.get("PendingWindowInDays", 30))
        ),
        ("Arn", "KeyId"),
    ),
    Kind(
        "AWS::CloudWatch::Alarm",
        "AlarmName",
        _put_alarm,
        lambda clients, name, _: clients("cloudwatch").delete_alarms(AlarmNames=[name]),
        ("Arn",),
    ),
    Kind(
        "AWS::SNS::Subscription",
        "",
        _put_subscription,
        lambda clients, arn, _: clients("sns").unsubscribe(SubscriptionArn=arn),
        ("Arn",),
    ),
    Kind("AWS::SNS::TopicPolicy", "", _put_topic_policy, lambda *_: None, ("Id",)),
    Kind("AWS::SQS::QueuePolicy", "", _put_queue_policy, lambda *_: None, ("Id",)),
    Kind(
        "AWS::Scheduler::Schedule",
        "Name",
        _put_schedule,
        lambda clients, name, _: clients("scheduler").delete_schedule(Name=name),
        ("Arn",),
    ),
    Kind(
        "AWS::CodeBuild::Project",
        "Name",
        _put_build,
        lambda clients, name, _: clients("codebuild").delete_project(name=name),
        ("Arn",),
    ),
    Kind(
        "AWS::CodePipeline::Pipeline",
        "Name",
        _put_delivery,
        lambda clients, name, _: clients("codepipeline").delete_pipeline(name=name),
        ("Version",),
    ),
    Kind("AWS::Budgets::Budget", "", _put_budget, _delete_budget),
    Kind(
        "AWS::Config::ConfigurationRecorder",
        "Name",
        _put_recorder,
        lambda clients, name, _: clients("config").delete_configuration_recorder(
            ConfigurationRecorderName=name
        ),
    ),
    Kind(
        "AWS::Config::DeliveryChannel",
        "Name",
        _put_channel,
        lambda clients, name, _: clients("config").delete_delivery_channel(DeliveryChannelName=name),
    ),
    Kind(
        "AWS::Config::ConfigRule",
        "ConfigRuleName",
        _put_rule,
        lambda clients, name, _: clients("config").delete_config_rule(ConfigRuleName=name),
        ("Arn", "ConfigRuleId"),
    ),
    Kind(
        "AWS::CloudTrail::Trail",
        "TrailName",
        _put_trail,
        lambda clients, name, _: clients("cloudtrail").delete_trail(Name=name),
        ("Arn",),
    ),
    Kind(
        "AWS::IAM::OIDCProvider",
        "",
        _put_oidc,
        lambda clients, arn, _: clients("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn),
        ("Arn",),
    ),
    Kind(
        "AWS::ServiceCatalog::Portfolio",
        "",
        _put_portfolio,
        lambda clients, name, _: clients("servicecatalog").delete_portfolio(Id=name),
        ("PortfolioName",),
    ),
    Kind(
        "AWS::ServiceCatalog::CloudFormationProduct",
        "",
        _put_product,
        lambda clients, name, _: clients("servicecatalog").delete_product(Id=name),
        ("ProductName",),
    ),
)
