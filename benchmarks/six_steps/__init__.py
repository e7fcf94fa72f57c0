"""Six trivial steps: as a pipeline of processing jobs, and as one plain script."""
