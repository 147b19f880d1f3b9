"""What granian is pointed at: `web.server:serve_app`, a factory that reads the environment."""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import parent_process
from typing import Final
from wsgiref.types import WSGIApplication

from engine.bootstrap import start
from engine.tracking.clicks.tracker import Tracker
from engine.tracking.clicks.writer import writing
from web.app import create_app
from web.bridge import Line, Scope, behind, call_of, send
from web.front import Front
from web.hooks import Hooks

_LOOK_S: Final = 1.0


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
        if parent := parent_process():
            loop.call_later(_LOOK_S, _end_with_parent, loop, parent.pid)

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


def _end_with_parent(loop: asyncio.AbstractEventLoop, parent: int | None) -> None:
    """End when the process is gone that started this one, also while it began: it would hold the port for nobody."""
    if os.getppid() == parent:
        loop.call_later(_LOOK_S, _end_with_parent, loop, parent)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def serve_app() -> Server:
    """Return the server of the installation that the environment describes."""
    goodword, ends = start(), ExitStack()
    settings = goodword.settings
    app, hooks = create_app(goodword), Hooks(goodword)
    ends.callback(hooks.close)
    tracker = Tracker(
        goodword.database,
        goodword.keyring,
        writer=settings.click_writer or ends.enter_context(writing(goodword.database)).address,
    )
    ends.callback(tracker.close)
    front = Front(app, tracker, proxies=settings.proxies, secure_cookies=settings.secure_cookies)
    return Server(front, app, hooks=hooks, threads=settings.threads, close=ends.close)
