"""How six steps can hang together: step -> the steps whose results it reads."""

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("a",), "e": ("b", "c", "d"), "f": ("e",)}
CHAIN = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("d",), "f": ("e",)}
