"""Requests to the server: connections, limits of time, retries, and what is said when it does not answer.

Reads and writes may be sent again: a row that is written twice is there once.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import pyarrow
import requests
from feast import RepoConfig
from feast.errors import FeastError
from feast.permissions.auth.auth_type import AuthType
from feast.permissions.client.client_auth_token import get_auth_token
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError
from urllib3.util.retry import Retry

STREAM = "application/vnd.apache.arrow.stream"
CONNECT_SECONDS = 10
"""To be connected, if not less is configured: a server that is there takes milliseconds."""
SHOWN_CHARACTERS = 500
"""Of an answer that is no error of the server's, such as the page of a proxy."""


class ServerError(RuntimeError):
    """The server does not answer, or answers with an error that Feast has no exception for."""


class Server:
    """The connections of one online store. Threads share them; processes do not, as two would read each other's answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._of: tuple[Any, ...] = ()

    def read(self, config: RepoConfig, body: dict[str, Any]) -> pyarrow.RecordBatch:
        """Asks for features, and gives them as columns."""
        content = json.dumps(body, allow_nan=False).encode()
        answer = self._post(config, "/get-online-features", content, accept=STREAM)
        if answer.headers.get("content-type") != STREAM:
            raise ServerError(
                f"{config.online_store.path} is no server of feast-server: it answers without Arrow columns. "
                "Other servers are read with `type: remote` in online_store"
            )
        batches = list(pyarrow.ipc.open_stream(answer.content))
        if len(batches) != 1:
            raise ServerError(f"{config.online_store.path} answers {len(batches)} batches of columns instead of one")
        return batches[0]

    def write(self, config: RepoConfig, body: bytes) -> None:
        """Writes rows. They are on the server's disk when this returns."""
        self._post(config, "/write-to-online-store", body, accept="application/json")

    def close(self) -> None:
        """Closes all connections. The next request makes new ones."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = None

    def _post(self, config: RepoConfig, path: str, body: bytes, accept: str) -> requests.Response:
        store = config.online_store
        headers = {"content-type": "application/json", "accept": accept}
        if config.auth_config and config.auth_config.type != AuthType.NONE.value:
            headers["authorization"] = f"Bearer {get_auth_token(config.auth_config)}"
        seconds = store.timeout_seconds

        def send() -> requests.Response:
            return self._connections(store).post(
                store.path.rstrip("/") + path,
                data=body,
                headers=headers,
                timeout=(min(seconds, CONNECT_SECONDS), seconds),
                verify=store.cert or True,
                # What a redirect makes of a POST is a GET.
                allow_redirects=False,
            )

        try:
            try:
                answer = send()
            except requests.exceptions.ConnectionError as why:
                if not isinstance(why.args[0] if why.args else None, ProtocolError):
                    raise
                # The server has closed the connection while the request was on its way, as it does with idle ones.
                answer = send()
        except requests.exceptions.SSLError as why:
            raise ServerError(
                f"the certificate of the feature server at {store.path} is not accepted: {why}. "
                "If it is signed by your own authority, give that as `cert` in online_store"
            ) from why
        except requests.exceptions.Timeout as why:
            raise ServerError(
                f"the feature server at {store.path} did not answer {path} within {seconds:g} s "
                f"(online_store.timeout_seconds): {why}"
            ) from why
        except requests.exceptions.RequestException as why:
            raise ServerError(
                f"the feature server at {store.path} does not answer: {_root_of(why)}. "
                "Start it with `feast-server serve` in the repository, "
                "or set online_store.path in feature_store.yaml to where it listens"
            ) from why
        if answer.status_code != 200:
            raise _error_of(answer, store.path, path)
        return answer

    def _connections(self, store: Any) -> requests.Session:
        wanted = (os.getpid(), store.connection_pool_size, store.connection_retries)
        with self._lock:
            if self._session is None or self._of != wanted:
                # One that another thread still uses is closed when that thread is done with it.
                self._session, self._of = _session(store.connection_pool_size, store.connection_retries), wanted
            return self._session


def _session(size: int, retries: int) -> requests.Session:
    retry = Retry(
        total=retries,
        # A request that took its whole time is not worth another.
        read=False,
        other=0,
        backoff_factor=0.2,
        # The server's own errors are the same the next time; these are of one that is busy, starts or stops, or of a proxy.
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=None,
        # The last answer says why.
        raise_on_status=False,
    )
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=size, max_retries=retry)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _error_of(answer: requests.Response, address: str, path: str) -> Exception:
    """Feast's exception if it is one of Feast's, otherwise what the server says."""
    try:
        detail = answer.json()
    except ValueError:
        return ServerError(f"{address} answers {path} with {answer.status_code}: {answer.text[:SHOWN_CHARACTERS]}")
    # An exception of Feast's own comes as JSON in a text.
    if isinstance(detail, str) and detail.startswith("{"):
        if (error := FeastError.from_error_detail(detail)) is not None:
            return error
    said = detail.get("detail", detail) if isinstance(detail, dict) else detail
    return ServerError(f"the feature server at {address} answers {path} with {answer.status_code}: {said}")


def _root_of(why: BaseException) -> str:
    """Of an error that libraries wrapped several times: what the first one said."""
    reason = getattr(why.args[0], "reason", None) if why.args else None
    return str(reason or why)
