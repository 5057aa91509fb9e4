"""What one Secret says: who a member is, or a sentence. How Secrets come and go is told in `test_discovery`."""

import base64
import json

import msgspec

from fedns.control.by_secret import SecretFacts, decode, source
from fedns.control.described import Telling
from fedns.settings.schema import Secrets

KUBECONFIG = (
    '{"current-context": "a", "contexts": [{"name": "a", "context": {"user": "u", "cluster": "c"}}],'
    ' "users": [{"name": "u"}], "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1"}}]}'
)
META = {"namespace": "fedns", "name": "us1", "resourceVersion": "7", "creationTimestamp": "1970-01-01T00:00:09Z"}


def test_where_they_are() -> None:
    """Those of one namespace that the selector takes."""
    found = source(Secrets(namespace="a", label_selector="x=y"))
    assert (found.resource.paths, found.resource.selector) == (("/api/v1/namespaces/a/secrets",), "x=y")


def test_a_secret_as_it_comes() -> None:
    """Two keys of it count, as text in base64; it is never shown."""
    body = {"kubeconfig": base64.b64encode(KUBECONFIG.encode()).decode(), "other": "x"}
    item = decode(msgspec.Raw(json.dumps({"metadata": META, "data": body}).encode()))
    assert isinstance(item, Telling)
    assert (item.namespace, item.name, item.version, item.read.created) == ("fedns", "us1", 7, 9)
    assert item.read.member is not None
    assert item.read.member.name == "us1"
    assert "192.0.2.1" not in repr(item) + repr(SecretFacts(1, "us1", KUBECONFIG.encode(), None))
