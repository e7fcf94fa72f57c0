"""Lambda functions that really run: moto keeps them, and an invocation is a process.

service    the Lambda API: Invoke is answered here, the rest is moto's
process    one invocation: time and memory limits, the log, the answer
bootstrap  what runs inside: loads the handler and calls it
"""
