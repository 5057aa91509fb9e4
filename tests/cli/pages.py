"""The admin address of a fedns that says what a test tells it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


@contextmanager
def serving(page: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve what `page` says on a free port, in silence; gives the address."""
    quiet = type("Quiet", (page,), {"log_message": lambda *_words: None})
    with HTTPServer(("127.0.0.1", 0), quiet) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()
            thread.join()
