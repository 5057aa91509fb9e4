"""A child that does what `RESTLESS` says: `end` at once, or `stay` without a heartbeat."""

import os
import time

from fedns.settings.child import started


def main() -> None:
    """Its whole life."""
    started(os.environ, "restless")
    if os.environ["RESTLESS"] == "stay":
        time.sleep(60)
