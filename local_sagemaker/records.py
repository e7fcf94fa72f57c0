"""The control plane's memory: JSON documents by kind and name, in one SQLite file.

Every write is committed before it returns, so a process that is killed loses nothing it has answered for.
``synchronous=NORMAL`` with a write-ahead log means that only a power cut can lose the last few writes; the
file is never damaged. One connection and one lock: a write takes tens of microseconds, so there is nothing to
gain from more.
"""

from __future__ import annotations

import builtins
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

Document = dict[str, Any]
Change = Mapping[str, Any] | Callable[[Document], Document]
Observer = Callable[[str, str, Document | None, Document], None]  # kind, name, before, after

_AGAIN = 1.0  # seconds
_log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- creation order; a name that is used again comes last
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (kind, name)
)
"""


class Exists(KeyError):
    """A record of that kind and name is there already."""


class Missing(KeyError):
    """There is no record of that kind and name."""


class Closed(RuntimeError):
    """The records were closed while, or before, they were used."""


class Records:
    """Documents by SageMaker's resource name (``"TrainingJob"``) and the resource's own name.

    Safe to use from any thread. Documents are copies: changing one changes nothing here.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._changed: WeakValueDictionary[tuple[str, str], threading.Condition] = WeakValueDictionary()
        self._observers: list[Observer] = []
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)

    def observe(self, observer: Observer) -> None:
        """Tell of every record that is created or changed. An observer is called by who writes: it must be quick."""
        self._observers.append(observer)

    def create(self, kind: str, name: str, document: Document) -> None:
        """Add a record. Raises Exists."""
        with self._lock:
            try:
                self._execute(
                    "INSERT INTO record (kind, name, document) VALUES (?, ?, ?)",
                    kind,
                    name,
                    json.dumps(document),
                )
            except sqlite3.IntegrityError:
                raise Exists(kind, name) from None
            self._notify(kind, name)
            self._tell(kind, name, None, document)

    def get(self, kind: str, name: str) -> Document | None:
        """The document, or None."""
        with self._lock:
            row = self._execute(
                "SELECT document FROM record WHERE kind = ? AND name = ?", kind, name
            ).fetchone()
        return json.loads(row[0]) if row else None

    def update(self, kind: str, name: str, change: Change) -> Document:
        """Change a document and return the new one: no other write comes between reading and writing.

        A mapping replaces top-level keys; a function takes the document and returns the new one. When the
        function raises, nothing has changed. Raises Missing.
        """
        with self._lock:
            document = self.get(kind, name)
            if document is None:
                raise Missing(kind, name)
            before = document
            document = change(dict(before)) if callable(change) else {**before, **change}
            self._execute(
                "UPDATE record SET document = ? WHERE kind = ? AND name = ?",
                json.dumps(document),
                kind,
                name,
            )
            self._notify(kind, name)
            self._tell(kind, name, before, document)
        return document

    def insist(self, kind: str, name: str, change: Change) -> Document:
        """``update`` what must not be lost, such as how a job has ended: on a full disk, wait until there is room."""
        while True:
            try:
                return self.update(kind, name, change)
            except sqlite3.OperationalError as error:
                _log.warning("%s %r cannot be written (%s); trying until it can", kind, name, error)
            time.sleep(_AGAIN)

    def delete(self, kind: str, name: str) -> bool:
        """Remove a record; whether it was there."""
        with self._lock:
            gone = self._execute("DELETE FROM record WHERE kind = ? AND name = ?", kind, name).rowcount > 0
            self._notify(kind, name)
        return gone

    def items(self, kind: str) -> builtins.list[tuple[str, Document]]:
        """All names and documents of a kind, oldest first."""
        with self._lock:
            rows = self._execute(
                "SELECT name, document FROM record WHERE kind = ? ORDER BY position", kind
            ).fetchall()
        return [(name, json.loads(document)) for name, document in rows]

    def list(self, kind: str) -> builtins.list[Document]:
        """All documents of a kind, oldest first."""
        return [document for _, document in self.items(kind)]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything in the block happens at once: others see all of it or, when it raises, nothing."""
        with self._lock:
            if self._open().in_transaction:
                yield
                return
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._open().in_transaction:  # a full disk may have undone it already
                    self._execute("ROLLBACK")
                raise

    def wait(
        self, kind: str, name: str, until: Callable[[Document], bool], timeout: float | None = None
    ) -> Document:
        """Block until ``until`` holds for the document, and return it.

        Woken by every write to the record in this process; ``timeout`` is in seconds. Raises TimeoutError,
        Missing when the record is not there (any more), Closed when the records are closed meanwhile.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            changed = self._changed.setdefault((kind, name), threading.Condition(self._lock))
            while True:
                document = self.get(kind, name)
                if document is None:
                    raise Missing(kind, name)
                if until(document):
                    return document
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"{kind} {name!r} did not get there within {timeout} s")
                changed.wait(left)

    def close(self) -> None:
        """Close the file; whoever waits gets Closed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            for condition in list(self._changed.values()):
                condition.notify_all()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Closed("the records are closed")
        return self._connection

    def _execute(self, statement: str, *values: str) -> sqlite3.Cursor:
        return self._open().execute(statement, values)

    def _tell(self, kind: str, name: str, before: Document | None, after: Document) -> None:
        for observer in self._observers:
            observer(kind, name, before, after)

    def _notify(self, kind: str, name: str) -> None:
        condition = self._changed.get((kind, name))
        if condition is not None:
            condition.notify_all()
