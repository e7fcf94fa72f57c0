"""The performance table: what the local SageMaker costs, beside plain scripts that do the same work.

``python -m benchmarks`` (or ``scripts/bench``) measures and prints it; ``docs/guide/performance.md`` says how to read
it. Everything is a ratio or a difference within one run, because seconds compare nothing but machines.
"""
