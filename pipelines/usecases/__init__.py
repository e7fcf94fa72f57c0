"""The use cases: what is learned, from what, and how good it must be; and the generator of one."""
