"""Who needs which permissions for a pipeline, read from its definition: no more, and for each the step that asks.

needs       records: an action on a resource, and why; a policy of them
addresses   what S3 addresses and other values of a definition amount to, as patterns
jobs        what the role of each job needs
pipeline    what the pipeline's own role needs, and whoever upserts and starts it
command     ``python -m pipelines iam``
"""
