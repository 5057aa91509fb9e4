"""Bodies of failures, as a 1.37 server writes them."""

import pytest

from fedns.lab import status
from fedns.lab.kinds import ENDPOINT_SLICES, SERVICES, Json
from fedns.lab.status import ApiError

BODIES = [
    (
        status.not_found(ENDPOINT_SLICES, "a"),
        {
            "message": 'endpointslices.discovery.k8s.io "a" not found',
            "reason": "NotFound",
            "details": {"name": "a", "group": "discovery.k8s.io", "kind": "endpointslices"},
            "code": 404,
        },
    ),
    (
        status.invalid(SERVICES, "a", "spec.ports", "FieldValueRequired", "Required value"),
        {
            "message": 'Service "a" is invalid: spec.ports: Required value',
            "reason": "Invalid",
            "details": {
                "name": "a",
                "kind": "Service",
                "causes": [{"reason": "FieldValueRequired", "message": "Required value", "field": "spec.ports"}],
            },
            "code": 422,
        },
    ),
    (
        status.expired(5, 9),
        {"message": "too old resource version: 5 (9)", "reason": "Expired", "code": 410},
    ),
]


@pytest.mark.parametrize(("error", "rest"), BODIES, ids=lambda value: getattr(value, "reason", ""))
def test_bodies(error: ApiError, rest: Json) -> None:
    """A Status has these fields and no others."""
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    assert error.body() == head | rest


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (status.no_resource(), 404, "NotFound"),
        (status.already_exists(SERVICES, "a"), 409, "AlreadyExists"),
        (status.conflict(SERVICES, "a"), 409, "Conflict"),
        (status.continue_expired(), 410, "Expired"),
        (status.too_large(9, 5), 504, "Timeout"),
        (status.bad_request("no"), 400, "BadRequest"),
        (status.no_method(), 405, "MethodNotAllowed"),
        (status.unsupported(["a/b"]), 415, "UnsupportedMediaType"),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
def test_codes_and_reasons(error: ApiError, code: int, reason: str) -> None:
    """Clients match on code and reason."""
    assert (error.body()["code"], error.body()["reason"]) == (code, reason)
