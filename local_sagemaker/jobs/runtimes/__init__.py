"""Programs that run inside a job, in place of what an AWS image has built in."""
