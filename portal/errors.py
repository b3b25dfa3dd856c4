"""The one shape of every API error: `{"type", "errors": [{"code", "detail", "attr"}]}`."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from catalog.errors import Conflict


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what actions and serializers raise into an answer; None lets a true fault through."""
    if isinstance(error, Conflict):
        return _answer("conflict", [_line(error.code, str(error))], 409)
    if isinstance(error, ValidationError):
        return _answer("validation_error", _from_django(error), 400)
    response = exception_handler(_as_api_exception(error), context)
    if response is None:
        return None
    response.data = {"type": _type(response.status_code), "errors": list(_flatten(response.data))}
    return response


def _as_api_exception(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound("There is nothing here, or it is not yours to see.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    return error


def _answer(kind: str, errors: list[dict[str, Any]], status: int) -> Response:
    return Response({"type": kind, "errors": errors}, status=status)


def _type(status: int) -> str:
    return (
        "validation_error" if status == 400 else "client_error" if status < 500 else "server_error"
    )


def _line(code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"code": code, "detail": detail, "attr": attr}


def _from_django(error: ValidationError) -> list[dict[str, Any]]:
    if not hasattr(error, "error_dict"):
        return [_line("invalid", message) for message in error.messages]
    return [
        _line("invalid", message, None if field == "__all__" else field)
        for field, messages in error.message_dict.items()
        for message in messages
    ]


def _flatten(data: Any, attr: str | None = None) -> Any:
    if isinstance(data, dict):
        for key, value in data.items():
            own = None if key in {"detail", "non_field_errors"} else str(key)
            yield from _flatten(value, ".".join(filter(None, [attr, own])) or None)
    elif isinstance(data, list):
        for index, item in enumerate(data):
            nested = isinstance(item, dict | list)
            yield from _flatten(item, f"{attr}.{index}" if nested and attr else attr)
    else:
        yield _line(getattr(data, "code", "invalid"), str(data), attr)
