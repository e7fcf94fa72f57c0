"""Real-time endpoints: model servers as processes of this machine, and the traffic to them.

configurations  what to run: EndpointConfig
api             Create, Update, Describe, Delete of endpoints, and what they survive
fleet           the variants of one endpoint configuration while they serve
server          one container kept alive: started, watched, started again
program         what a container runs, and what it finds in /opt/ml
connection      requests to a container
runtime_api     InvokeEndpoint
"""
