"""Real-time endpoints: model servers as processes of this machine, and the traffic to them.

configurations  what to run: EndpointConfig
api             Create, Update, Describe, Delete of endpoints
plan            what an endpoint will run
deployments     what happens in the background: fleets that start, take over, and end
traffic         how it moves from one fleet to the next
metrics         what is kept of the requests
cloudwatch      … as CloudWatch tells it
alarm_state     the state that a metric calls for in an alarm
alarms          alarms, watched; they take an update back
fleet           the variants of one endpoint configuration while they serve
member          one container of a model, made ready
variant         the instances of one variant, of which the least busy is asked
hosted          one container, as a variant asks it
multi_model     … of many models: fetched, loaded, unloaded
shelves         where these are loaded
autoscaling     Application Auto Scaling of variants: checked, and kept by moto
server          one container kept alive: started, watched, started again
program         what a container runs, and what it finds in /opt/ml
connection      requests to a container
runtime_api     InvokeEndpoint
capture         what was asked and answered, into S3
description     what DescribeEndpoint answers
"""
