"""Requests that are not answered: each with its HTTP status, and the same JSON as every other error."""

from __future__ import annotations

from starlette.responses import JSONResponse

__all__ = ["RefusalError", "error_values", "failed_values"]


def error_values(type_: str, message: str) -> dict[str, str]:
    """An error as JSON has it: for one picture, and for a whole request."""
    return {"type": type_, "message": message}


def failed_values() -> dict[str, dict[str, str]]:
    """What is told of a picture that failed by a fault of ours: nothing of its inside."""
    return {"error": error_values("InternalError", "this picture could not be read; the log says why")}


class RefusalError(Exception):
    """A request as a whole cannot be answered.

    ``status`` is HTTP's; ``type_`` a word for programs; ``message`` says what is wrong and what to do;
    ``retry_after`` in seconds tells when to come again.
    """

    def __init__(self, status: int, type_: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.type_, self.retry_after = status, type_, retry_after

    def response(self) -> JSONResponse:
        """The answer that says it."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse({"error": error_values(self.type_, str(self))}, self.status, headers)
