"""Real exchanges with a shop, kept in a file without their secrets, and played back without the shop.

Record once, against a shop of your own; commit the file; test against it for ever after::

    RECORD = Recorder(host_client("https://shop.example"), path, secrets=secrets_in(settings))   # once, by hand
    def shop(self): return Replayed(path, secrets=secrets_in(self.settings))

`host_client` is in `engine.testing.fakes`, `secrets_in` in `engine.testing.watch`.
"""

import base64
import json as json_module
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from engine.plugin_api import ConfigError, FatalError, HttpClient, HttpResponse, PluginError, RetriableError

_ERRORS: Final[Mapping[str, type[PluginError]]] = {
    "ConfigError": ConfigError,
    "FatalError": FatalError,
    "RetriableError": RetriableError,
}
_KEPT_HEADERS: Final = ("content-type", "link", "retry-after", "x-wp-total", "x-wp-totalpages", "etag", "last-modified")


class Recorder:
    """An `HttpClient` that asks the real one and keeps each exchange in `path`, written after every call.

    `secrets` are replaced wherever they stand: in addresses, bodies, answers and messages. Headers of requests are not
    kept at all, of answers only harmless ones. Look through the file before you commit it: customers' names and
    addresses are not secrets to the recorder.
    """

    def __init__(self, inner: HttpClient, path: Path, *, secrets: Collection[str] = ()) -> None:
        self._inner, self._path, self._redact = inner, path, _Redactor(secrets)
        self._exchanges: list[dict[str, Any]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> HttpResponse:
        """Return what the real client answers, and keep it.

        Raises:
            ConfigError, RetriableError, FatalError: as the real client; kept as well.
        """
        asked = self._redact.asked(method, url, params=params, json=json, form=form)
        try:
            answer = self._inner.request(
                method, url, params=params, headers=headers, json=json, form=form, accept=accept
            )
        except (ConfigError, RetriableError, FatalError) as error:
            self._keep({"request": asked, "error": self._redact.error(error)})
            raise
        self._keep({"request": asked, "response": self._redact.answer(answer)})
        return answer

    def _keep(self, exchange: dict[str, Any]) -> None:
        self._exchanges.append(exchange)
        text = json_module.dumps(self._exchanges, ensure_ascii=False, indent=1)
        self._path.write_text(text + "\n", encoding="utf-8")


class Replayed:
    """An `HttpClient` that answers from a recording.

    A request that was recorded several times gets its answers in their order, and the last one from then on.

    Raises:
        AssertionError: a request was not recorded; the recorded ones are named.
    """

    def __init__(self, path: Path, *, secrets: Collection[str] = ()) -> None:
        self._path, self._redact = path, _Redactor(secrets)
        self._exchanges: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for exchange in json_module.loads(path.read_text(encoding="utf-8")):
            self._exchanges[_key(exchange["request"])].append(exchange)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> HttpResponse:
        """Return the recorded answer, or raise the recorded error.

        Raises:
            AssertionError: this was not recorded.
        """
        key = _key(self._redact.asked(method, url, params=params, json=json, form=form))
        if not self._exchanges.get(key):
            known = "\n  ".join(sorted(self._exchanges))
            raise AssertionError(f"{self._path.name} has no answer to\n  {key}\nIt knows\n  {known}\nRecord it anew.")
        waiting = self._exchanges[key]
        exchange = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if "error" in exchange:
            raise _error(exchange["error"])
        answer = exchange["response"]
        return HttpResponse(answer["status"], dict(answer["headers"]), _bytes(answer))


class _Redactor:
    """Takes secrets out of whatever is kept; longest first, since one may hold another."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = {secret: f"<secret {number}>" for number, secret in enumerate(sorted(secrets, key=len), 1)}

    def text(self, text: str) -> str:
        for secret, stands_for in reversed(self._secrets.items()):
            text = text.replace(secret, stands_for)
            text = text.replace(base64.b64encode(secret.encode()).decode(), stands_for)
        return text

    def asked(
        self, method: str, url: str, *, params: Mapping[str, str] | None, json: Any, form: Mapping[str, str] | None
    ) -> dict[str, Any]:
        plain = {"params": dict(params or {}), "json": json, "form": dict(form) if form is not None else None}
        kept: dict[str, Any] = json_module.loads(self.text(json_module.dumps(plain, ensure_ascii=False)))
        return {"method": method.upper(), "url": self.text(url), **kept}

    def answer(self, answer: HttpResponse) -> dict[str, Any]:
        headers = {name: self.text(answer.headers[name]) for name in _KEPT_HEADERS if name in answer.headers}
        try:
            return {"status": answer.status, "headers": headers, "text": self.text(answer.body.decode())}
        except UnicodeDecodeError:
            return {"status": answer.status, "headers": headers, "base64": base64.b64encode(answer.body).decode()}

    def error(self, error: PluginError) -> dict[str, Any]:
        delay = error.retry_after_s if isinstance(error, RetriableError) else None
        return {"kind": type(error).__name__, "message": self.text(str(error)), "retry_after_s": delay}


def _bytes(answer: Mapping[str, Any]) -> bytes:
    return base64.b64decode(answer["base64"]) if "base64" in answer else str(answer["text"]).encode()


def _error(kept: Mapping[str, Any]) -> PluginError:
    kind = _ERRORS[kept["kind"]]
    if kind is RetriableError:
        return RetriableError(kept["message"], retry_after_s=kept["retry_after_s"])
    return kind(kept["message"])


def _key(request: Mapping[str, Any]) -> str:
    return json_module.dumps(request, ensure_ascii=False, sort_keys=True)
