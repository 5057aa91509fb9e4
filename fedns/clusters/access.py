"""Asks a member's API server what fedns may do there: a review of its own rights for each resource that is followed.

It is for people who set a member up, and the home of `kubernetes`: its models fit where a few small objects are written
and read, and its import, half of the time that a start of the control process takes, is no matter here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from fedns.clusters.connect import LostError
from fedns.clusters.credentials import Credentials, CredentialsError, identity_file
from fedns.clusters.listing import NODES, Resource, resources
from fedns.clusters.renewal import Renewal, line
from fedns.settings.schema import Member

VERBS: Final = ("list", "watch")
SECONDS: Final = 10.0
_WORDS: Final = 200


async def missing(member: Member) -> list[str]:
    """What its credentials may not do that they must, in sentences with the cure; raises LostError."""
    try:
        credentials = await Renewal(member).obtain()
    except CredentialsError as fault:
        raise LostError(f"credentials: {line(str(fault), _WORDS)}") from fault
    from kubernetes.aio.client import ApiException  # noqa: PLC0415 -- slow, and only needed here

    try:
        async with asyncio.timeout(SECONDS), _client(credentials) as client:
            wanted = [(each, verb) for each in resources(member) if not each.extra or each == NODES for verb in VERBS]
            allowed = [await _may(client, each, verb) for each, verb in wanted]
    except TimeoutError as late:
        raise LostError(f"{credentials.server} did not answer within {SECONDS:g} s") from late
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        raise LostError(line(str(fault), _WORDS)) from fault
    except ApiException as refusal:
        raise LostError(f"HTTP {refusal.status} {line(str(refusal.reason), _WORDS)}") from refusal
    return [
        f"may not {verb} {_kind(each)[1]}: bind its user to a ClusterRole with that verb"
        for (each, verb), good in zip(wanted, allowed, strict=True)
        if not good
    ]


async def _may(client: Any, resource: Resource, verb: str) -> bool:
    from kubernetes.aio.client import (  # noqa: PLC0415 -- as above
        AuthorizationV1Api,
        V1ResourceAttributes,
        V1SelfSubjectAccessReview,
        V1SelfSubjectAccessReviewSpec,
    )

    group, plural = _kind(resource)
    asked = V1SelfSubjectAccessReview(
        spec=V1SelfSubjectAccessReviewSpec(
            resource_attributes=V1ResourceAttributes(group=group, resource=plural, verb=verb)
        )
    )
    answer = await AuthorizationV1Api(client).create_self_subject_access_review(asked)
    return answer.status is not None and bool(answer.status.allowed)


def _kind(resource: Resource) -> tuple[str, str]:
    """API group ("" for the core) and plural, from the path of its list."""
    *above, plural = resource.paths[0].strip("/").split("/")
    return (above[1] if above[0] == "apis" else "", plural)


@asynccontextmanager
async def _client(credentials: Credentials) -> AsyncIterator[Any]:
    """The `ApiClient` for credentials: those of a feed, and no others that this machine may have."""
    from kubernetes.aio.client import ApiClient, Configuration  # noqa: PLC0415 -- as above

    settings = type.__call__(Configuration)
    settings.host = credentials.server
    settings.ca_cert_data = credentials.authorities or None
    settings.tls_server_name = credentials.server_name or None
    settings.proxy = credentials.proxy or None
    settings.client_session_kwargs = {"trust_env": False}
    if credentials.authorization:
        settings.api_key["BearerToken"] = credentials.authorization
    with identity_file(credentials) as name:
        settings.cert_file = name
        client = ApiClient(configuration=settings)
    try:
        yield client
    finally:
        await client.close()
