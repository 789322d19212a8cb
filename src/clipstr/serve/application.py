"""The application: which path answers what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clipstr.serve.asks import skip_body
from clipstr.serve.documents import KINDS
from clipstr.serve.lanes import SCAN, Lane
from clipstr.serve.metrics import CONTENT_TYPE
from clipstr.serve.observing import Observed
from clipstr.serve.pages import GUARDED, page_routes
from clipstr.serve.refusals import RefusalError
from clipstr.serve.service import Service

__all__ = ["application"]

Answering = Callable[[Request], Awaitable[Response]]


def application(service: Service) -> ASGIApp:
    """``service`` as an ASGI application; its lifespan starts and stops the service."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app: ASGIApp = Starlette(
        routes=[
            *(Route(lane.path, _answers(service, lane), methods=["POST"]) for lane in service.lanes),
            *([] if service.scans else [Route(SCAN, _no_scans, methods=["POST"])]),
            Route("/v1/models", _models(service)),
            Route("/healthz", _healthy),
            Route("/readyz", _ready(service)),
            Route("/metrics", _metrics(service)),
            *page_routes(service),
        ],
        exception_handlers={
            RefusalError: _refused(service),
            HTTPException: _no_such,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )
    if service.settings.origins:
        app = CORSMiddleware(
            app,
            allow_origins=service.settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Clipstr-Failed", "Retry-After", "X-Request-Id"],
        )
    return Observed(app, service.metrics)


def _answers(service: Service, lane: Lane[Any]) -> Answering:
    async def answers(request: Request) -> Response:
        answer = await service.answer(request, lane)
        if answer.document is None:
            values = {"model": answer.model, "items": answer.items}
            return JSONResponse(values, 200 if answer.some else 422)
        failed = sum("error" in item for item in answer.items)
        headers = {
            "Content-Type": KINDS[answer.format],
            "Content-Disposition": "attachment",
            "Clipstr-Failed": str(failed),
        }
        return Response(answer.document, headers={**GUARDED, **headers})

    return answers


async def _no_scans(_: Request) -> Response:
    message = "photographs are not read here: the service lacks the extra 'scenes', or was told not to"
    raise RefusalError(501, "no_scans", message)


def _models(service: Service) -> Answering:
    async def models(request: Request) -> Response:
        service.check_token(request)
        return JSONResponse(
            {
                "scans": service.scans,
                "models": [
                    {
                        "name": name,
                        "default": name == service.readers.default,
                        "characters": reader.config.form.charset.characters,
                        "max_length": reader.config.form.max_length,
                        "device": reader.device,
                        "files": {file: r.sha256 for file, r in reader.config.files.items()},
                    }
                    for name, reader in service.readers.models.items()
                ],
            }
        )

    return models


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _ready(service: Service) -> Answering:
    async def ready(_: Request) -> Response:
        ready = service.ready and not service.draining
        status = "ready" if ready else "draining" if service.draining else "starting"
        return JSONResponse({"status": status}, 200 if ready else 503)

    return ready


def _metrics(service: Service) -> Answering:
    async def metrics(request: Request) -> Response:
        service.check_token(request)
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return metrics


def _refused(service: Service) -> Callable[[Request, Any], Awaitable[Response]]:
    async def refused(request: Request, refusal: Any) -> Response:
        response: Response = refusal.response()
        if not await skip_body(request, 4 * service.settings.limits.bytes):
            response.headers["Connection"] = "close"
        return response

    return refused


async def _no_such(request: Request, error: Any) -> Response:
    """What Starlette itself refuses (no such path, another method), in the words of our own errors."""
    refusal = RefusalError(
        error.status_code,
        "not_found" if error.status_code == 404 else "not_allowed",
        f"{request.method} {request.url.path}: {error.detail}; /docs tells what there is",
    )
    response = refusal.response()
    response.headers.update(error.headers or {})
    return response


async def _gone(_: Request, error: Any) -> Response:
    """Nobody is there to read it; the log shows the status."""
    return Response(status_code=499)
