"""What the next run costs, before it is started.

prices.py    the table of ``prices.toml``
estimate.py  a step, its history and the prices -> low and high
change.py    what another definition costs more or less; a section of the plan
command.py   ``python -m pipelines cost``
"""
