"""SageMaker Pipelines: the stored definition, interpreted.

definition   JSON -> frozen records            expressions  what Get, Std:Join and Std:JsonGet mean
properties   paths into Describe answers       conditions   Equals, In, Not, …
parameters   what a start may set              graph        what waits for what
check        everything wrong with a definition, before it runs
execution    the engine: steps in parallel, branches, failures, stops
cache        results that are used again       retry        failures that are tried again
selective    running some steps of a pipeline  api          the operations
steps/       one module for each type of step
"""
