"""Errors in OpenAI's form: `{"error": {"message", "type", "param", "code"}}`."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from agent.errors import ModelBusy
from api.errors import KNOWN, describe, log_unexpected, respond
from api.schemas import Wire

KEPT = frozenset({"retry-after", "www-authenticate"})
NAMED = "urn:frontdesk:"
TYPES = {
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.UNAUTHORIZED: "authentication_error",
}


class RequestRefused(Exception):  # noqa: N818 - it reads as what happened
    """The request asks for what this interface doesn't do; mend `param` and send it again."""

    def __init__(
        self, message: str, param: str | None, code: str, status: int = HTTPStatus.BAD_REQUEST
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


EXPECTED = (RequestRefused, RequestValidationError, HTTPException, *KNOWN)


class ErrorBody(Wire):
    """What is wrong: `param` is the parameter to mend, if it is one."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorView(Wire):
    """An error, as OpenAI's clients expect it."""

    error: ErrorBody


class OpenAiRoute(APIRoute):
    """A route whose errors are in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request, its errors included."""
        handle = super().get_route_handler()

        async def handle_all(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the form stays
                return refuse(error)

        return handle_all


def refuse(error: Exception) -> JSONResponse:
    """Return an error as a response; what nobody expected is logged."""
    if not isinstance(error, EXPECTED):
        log_unexpected(error)
    status, view = show_error(error)
    headers = dict(respond(describe(error)).headers)
    kept = {name: text for name, text in headers.items() if name in KEPT}
    return JSONResponse(view.model_dump(), status, kept)


def show_error(error: Exception) -> tuple[int, ErrorView]:
    """Return the status and the body of an error."""
    if isinstance(error, RequestRefused):
        return error.status, _make(error.status, str(error), error.code, error.param)
    if isinstance(error, RequestValidationError):
        return HTTPStatus.BAD_REQUEST, _show_invalid(error)
    problem = describe(error)
    status = HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, ModelBusy) else problem.status
    named = problem.type.startswith(NAMED)
    code = problem.type.removeprefix(NAMED) if named else HTTPStatus(status).name.lower()
    return status, _make(status, problem.detail, code.replace("-", "_"))


def _show_invalid(error: RequestValidationError) -> ErrorView:
    # Where and why, never what stood there: it may be a customer's words.
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"][1:]]
    param = ".".join(parts) if parts and not parts[0].isdigit() else None
    message = f"{param}: {first['msg']}." if param else f"{first['msg']}."
    return _make(HTTPStatus.BAD_REQUEST, message, "invalid_value", param)


def _make(status: int, message: str, code: str, param: str | None = None) -> ErrorView:
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if server else TYPES.get(HTTPStatus(status), "invalid_request_error")
    return ErrorView(error=ErrorBody(message=message, type=kind, param=param, code=code))
