"""Takes connections for one worker, and leaves them to the others the longer, the more it has.

Workers share one listening socket, and a caller such as SageMaker keeps its connections. asyncio takes all that wait
at once, so that one worker would have them all, for ever, and the other cores nothing.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

PAUSE = 0.001  # seconds for each connection that is open: time enough for a worker that has fewer
LONGEST = 0.02


class Listener:
    """What ``loop.create_server`` would give, as far as aiohttp asks for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, listening: socket.socket, server: web.Server) -> None:
        listening.setblocking(False)
        self._loop = loop
        self._socket = listening
        self._server = server
        self._taking: set[asyncio.Task[object]] = set()
        self._closed = False
        loop.add_reader(listening, self._somebody)

    def close(self) -> None:
        """Take no more."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _somebody(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.call_later(min(LONGEST, PAUSE * len(self._server.connections)), self._take)

    def _take(self) -> None:
        if self._closed:
            return
        self._loop.add_reader(self._socket, self._somebody)
        try:
            client, _ = self._socket.accept()
        except OSError:  # another worker has it, or it is gone
            return
        client.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._server, client))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
