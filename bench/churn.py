"""Changes EndpointSlices of a real API server: one by one for who waits for the answer, or as a steady load.

`python -m bench.churn URL CA SERVICES RATE SECONDS` is the load, as a process of its own: RATE changes a second over
the services s0, s1 ... It prints how many were made.
"""

import http.client
import json
import ssl
import sys
from pathlib import Path
from time import monotonic, sleep

from bench.ground import endpoint, ipv4
from fedns.lab.real import ADMIN_TOKEN

HEADERS = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/merge-patch+json"}


class Patches:
    """A connection that replaces the endpoints of slices in the namespace `bench`."""

    def __init__(self, url: str, ca: Path) -> None:
        host, _, port = url.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=str(ca))
        self._api = http.client.HTTPSConnection(host, int(port), context=context)

    def put(self, name: str, number: int) -> str:
        """Give the slice one endpoint, `number`; returns its address once the server has acknowledged the change."""
        body = json.dumps({"endpoints": [endpoint(number, name)]})
        path = f"/apis/discovery.k8s.io/v1/namespaces/bench/endpointslices/{name}"
        self._api.request("PATCH", path, body, HEADERS)
        reply = self._api.getresponse()
        reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{path}: HTTP {reply.status}")
        return ipv4(number)


def main() -> None:
    """Change at a steady rate."""
    url, ca, *numbers = sys.argv[1:]
    services, rate, seconds = map(int, numbers)
    patches, started, made = Patches(url, Path(ca)), monotonic(), 0
    while (now := monotonic() - started) < seconds:
        if made < now * rate:
            patches.put(f"s{made % services}", made % 60_000)
            made += 1
        else:
            sleep(made / rate - now)
    print(made)


if __name__ == "__main__":
    main()
