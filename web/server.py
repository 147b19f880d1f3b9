"""What granian is pointed at: `web.server:serve_app`, a factory that reads the environment."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from wsgiref.types import WSGIApplication

from engine.bootstrap import Goodword, start
from engine.tracking.clicks.tracker import Tracker
from web.app import create_app
from web.bridge import Line, Scope, behind, call_of, send
from web.front import Front
from web.hooks import Hooks

THREADS = 32
"""How many requests are worked on at once in each process, other than clicks, which take no thread."""


class Server:
    """All that an installation answers over HTTP: links and pages by the front, webhooks and the rest in threads."""

    def __init__(
        self, front: Front, app: WSGIApplication, *, hooks: WSGIApplication, threads: int, close: Callable[[], None]
    ) -> None:
        self._front, self._app, self._hooks = front, app, hooks
        self._threads, self._close = threads, close

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the process and the event loop that serve."""
        loop.set_default_executor(ThreadPoolExecutor(self._threads, thread_name_prefix="request"))

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """End: what waits to be written is written."""
        self._close()

    async def __rsgi__(self, scope: Scope, line: Line) -> None:
        """Answer one request."""
        path = scope.path
        answer = await self._front.answer(call_of(scope)) if path.startswith(("/r/", "/a/")) else None
        if answer is None:
            answer = await behind(self._hooks if path.startswith("/hooks/") else self._app, scope, line=line)
        send(line, answer)


def serve_app() -> Server:
    """Return the server of the installation that the environment describes."""
    return served(start(), threads=int(os.environ.get("GOODWORD_THREADS", THREADS)))


def served(goodword: Goodword, *, threads: int = THREADS) -> Server:
    """Return the server of an installation."""
    app, hooks = create_app(goodword), Hooks(goodword)
    tracker = Tracker(goodword.database, goodword.keyring)
    tracker.open()
    front = Front(app, tracker, proxies=goodword.settings.proxies, secure_cookies=goodword.settings.secure_cookies)

    def close() -> None:
        tracker.close()
        hooks.close()

    return Server(front, app, hooks=hooks, threads=threads, close=close)
