"""The page of a study while it runs, for this machine alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any, final

from nasbench_kit.errors import NasbenchKitError, SettingError
from nasbench_kit.report.contents import report_of
from nasbench_kit.report.page import html_page, waiting_page

HOST = "127.0.0.1"
_FILES = ("", "-wal")  # what grows while a study runs


@final
class LivePage:
    """The page of a study, made anew when its file has changed.

    Args:
        study: The file; it need not be there yet.
        results: Where the table or surrogate lies, if it is not one that `nbk.list_benchmarks` finds.
    """

    def __init__(self, study: str | os.PathLike[str], results: str | os.PathLike[str] | None = None) -> None:
        self._study, self._results = os.fspath(study), results
        self._lock = Lock()
        self._made: tuple[str, str] = ("", "")

    @property
    def state(self) -> str:
        """What changes when runs are added."""
        parts = []
        for ending in _FILES:
            try:
                known = os.stat(self._study + ending)
                parts.append(f"{known.st_size}.{known.st_mtime_ns}")
            except OSError:
                parts.append("-")
        return "/".join(parts)

    def html(self) -> str:
        """The page as of now."""
        with self._lock:
            state = self.state
            if state != self._made[0]:
                self._made = (state, self._html())
            return self._made[1]

    def _html(self) -> str:
        try:
            return html_page(report_of(self._study, results=self._results), is_live=True)
        except NasbenchKitError as error:  # no runs yet, no file yet, no table here
            return waiting_page(os.path.basename(self._study), f"Nothing to show yet: {error}")


def server(page: LivePage, port: int = 0) -> ThreadingHTTPServer:
    """A server on the loopback interface, that gives this page and nothing else.

    Args:
        page: What it serves.
        port: Where; any free one for 0.

    Raises:
        SettingError: The port is taken.
    """
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Handler, page))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"port={port} of {HOST} cannot be used ({reason}); give another one, or 0 for any") from None


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, page: LivePage, *args: Any) -> None:
        self._page = page
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with the page, or with its state; other names are not looked for anywhere."""
        answers: dict[str, tuple[str, Callable[[], str]]] = {
            "/": ("text/html; charset=utf-8", self._page.html),
            "/state": ("application/json", lambda: json.dumps({"state": self._page.state})),
        }
        # a name that leads here by somebody else's doing is not ours: else their page could read this one
        host, _, _ = self.headers.get("Host", "").rpartition(":")
        if host not in (HOST, "localhost") or self.path not in answers:
            self.send_error(404)
            return
        kind, answer = answers[self.path]
        content = answer().encode()
        self.send_response(200)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Say nothing on the terminal."""
