"""Runs in namespaces of its own: a worker, a CoreDNS before it where wanted, and the commands that it is given.

`python -m tests.clients.inside DIRECTORY [COREDNS]`, with commands as JSON lines on standard input; what each prints
comes as a JSON string on a line. /etc/resolv.conf is DIRECTORY/resolv.conf here, and nothing but loopback is there.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import dns.exception
import dns.message
import dns.query

from tests.clients import realm
from tests.differential.worker import worker

COMMAND_SECONDS: Final = 60.0
START_SECONDS: Final = 30.0


def main(directory: Path, coredns: str) -> None:
    """Start what answers on port 53, then the clients one after the other."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", str(directory / "resolv.conf"), "/etc/resolv.conf"], check=True)
    with ExitStack() as stack:
        stack.enter_context(worker(directory, realm.messages(monotonic()), port=5300 if coredns else 53))
        if coredns:
            corefile = directory / "Corefile"
            corefile.write_text("clusterset.local:53 {\n bind 127.0.0.1\n forward . 127.0.0.1:5300\n}\n")
            front = subprocess.Popen([coredns, "-conf", str(corefile)], stdout=subprocess.DEVNULL)
            stack.callback(front.wait)
            stack.callback(front.terminate)
        started = monotonic()
        while not answers():
            assert monotonic() - started < START_SECONDS
            sleep(0.05)
        for line in sys.stdin:
            done = subprocess.run(
                json.loads(line), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
            )
            sys.stdout.write(json.dumps(done.stdout if not done.returncode else f"{done.stdout}{done.stderr}") + "\n")
            sys.stdout.flush()


def answers() -> bool:
    """Whether port 53 answers."""
    try:
        return bool(dns.query.udp(dns.message.make_query(f"web.shop.{realm.ZONE}", "A"), "127.0.0.1", 1.0).answer)
    except (dns.exception.DNSException, OSError):
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
