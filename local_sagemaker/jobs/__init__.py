"""Jobs as operating-system processes: a warm parent, a private /opt/ml for each, and cores shared fairly.

The server asks a ``ProcessRunner`` (``process``) to run a ``Task``. It waits for cores (``scheduler``),
hands the task to the preforked parent (``zygote``), whose child enters its own mount namespace
(``namespace``) and then runs as ``python script.py`` would (``interpreter``). The server's end of that
conversation is ``run``.
"""
