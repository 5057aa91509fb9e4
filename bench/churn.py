"""Changes EndpointSlices of a real API server: one by one for who waits for the answer, or as a steady load.

`python -m bench.churn URL CA SERVICES RATE SECONDS` is the load, as a process of its own: RATE changes a second over
the services s0, s1 ... It prints the rate that was reached, and how late a change was at most, as JSON.
"""

import http.client
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

from bench.ground import endpoint, ipv4
from fedns.lab.real import ADMIN_TOKEN

CONNECTIONS = 8
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
    """Change at a steady rate, whatever the server's pace: each change has its time, and connections take turns.

    A change that is late goes at once; none is left out. So the load is the same for every server that is measured.
    """
    url, ca, *numbers = sys.argv[1:]
    services, rate, seconds = map(int, numbers)
    places = [Patches(url, Path(ca)) for _ in range(CONNECTIONS)]
    started = monotonic()

    def work(place: int) -> float:
        late = 0.0
        for at in range(place, rate * seconds, CONNECTIONS):
            if (wait := started + at / rate - monotonic()) > 0:
                sleep(wait)
            places[place].put(f"s{at % services}", at % 60_000)
            late = max(late, monotonic() - started - at / rate)
        return late

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        late = max(threads.map(work, range(CONNECTIONS)))
    print(json.dumps({"changes_per_s": rate * seconds / (monotonic() - started), "changes_late_s": late}))


if __name__ == "__main__":
    main()
