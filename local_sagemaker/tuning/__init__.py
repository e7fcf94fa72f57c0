"""Hyperparameter tuning jobs: which values to try next, when to stop, and the training jobs that try them.

A request becomes a ``Plan`` (``plan.py``), each pair of hyperparameters and outcome a ``Trial`` (``trials.py``).
What decides is functions of these alone: ``strategies`` proposes values, ``early_stopping`` and ``completion`` say
when it is enough, ``warm_start`` turns other jobs' trials into history. ``run.py`` is the only place where anything
happens, and ``api.py`` offers the operations.
"""
