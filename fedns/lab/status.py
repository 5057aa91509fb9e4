"""Failures as a real API server words them: the code, the reason and the body of a `Status`.

Texts and fields are those of Kubernetes 1.33-1.37: clients match on `reason` and `code`, people read `message`.
"""

from collections.abc import Sequence

from fedns.lab.kinds import Json, Kind


class ApiError(Exception):
    """A request that ends in a `Status` of kind Failure."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def body(self) -> Json:
        """The `Status` object."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}


def _details(kind: Kind, name: str) -> Json:
    details: Json = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    return details | {"kind": kind.plural}


def unauthorized() -> ApiError:
    """401: no token, or one that is not accepted."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for one object."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def no_resource() -> ApiError:
    """404 for a path inside a known API group."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 of a create."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """409 of a write that names an old resourceVersion or another uid."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    text = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", text, _details(kind, name))


def expired(asked: int, oldest: int) -> ApiError:
    """410: the change log no longer reaches back that far."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def no_watch_list(code: int) -> ApiError:
    """400 or 422: a server without the WatchList feature."""
    field, message = (
        "sendInitialEvents",
        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
    )
    text = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}'
    return ApiError(code, "Invalid" if code == 422 else "BadRequest", text)


def no_progress() -> ApiError:
    """The error with which a stream ends when etcd is too old for a WatchList."""
    text = "the required storage feature RequestWatchProgress is disabled"
    return ApiError(500, "InternalError", f"Internal error occurred: {text}")


def continue_expired() -> ApiError:
    """410 of a page token."""
    text = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter."
    )
    return ApiError(410, "Expired", text)


def too_large(asked: int, current: int) -> ApiError:
    """504: this server has not seen that resourceVersion yet."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return ApiError(504, "Timeout", f"Too large resource version: {asked}, current: {current}", details)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def no_method() -> ApiError:
    """405."""
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})


def unsupported(accepted: Sequence[str]) -> ApiError:
    """415: a body in a format that this server does not read."""
    text = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return ApiError(415, "UnsupportedMediaType", text)


def invalid(kind: Kind, name: str, field: str, reason: str, message: str) -> ApiError:
    """422: one field breaks a rule; `reason` is a cause of the API, such as FieldValueRequired."""
    details: Json = {"name": name, "kind": kind.name}
    if kind.group:
        details["group"] = kind.group
    details["causes"] = [{"reason": reason, "message": message, "field": field}]
    return ApiError(422, "Invalid", f'{kind.name} "{name}" is invalid: {field}: {message}', details)
