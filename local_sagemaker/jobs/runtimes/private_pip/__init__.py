"""Comes before the installed ``pip`` on a job's module path, so that no job changes this environment."""
