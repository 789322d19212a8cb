"""What a browser is shown: the page at /, the description at /docs, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from clipstr import __version__
from clipstr.serve.openapi import described
from clipstr.serve.service import Service

__all__ = ["FOLDER", "GUARDED", "page_routes", "page_text"]

FOLDER = Path(__file__).parent / "page"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

POLICY = {
    # Whatever a picture or its name may hold, nothing is run but our own files and nothing goes elsewhere.
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
LOCAL_POLICY = {**POLICY, "script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "'self'"}
GUARDED = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items())
    + "; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes(service: Service) -> list[Route]:
    """The routes of the page, the description, and each file that they need."""

    async def page(request: Request) -> Response:
        text = page_text(
            base=str(request.base_url),
            items=service.settings.limits.items,
            models=list(service.readers.models),
            scan=service.scans,
        )
        return HTMLResponse(text, headers=GUARDED)

    async def docs(request: Request) -> Response:
        api = described(__version__, str(request.base_url), scan=service.scans)
        return HTMLResponse(_templates().get_template("docs.html").render(api=api), headers=GUARDED)

    async def openapi(request: Request) -> Response:
        return JSONResponse(
            described(__version__, str(request.base_url), scan=service.scans), headers=GUARDED
        )

    files = [_file(path) for path in sorted(FOLDER.iterdir()) if path.suffix in KINDS]
    return [Route("/", page), Route("/docs", docs), Route("/openapi.json", openapi), *files]


def page_text(
    *,
    base: str = "",
    items: int = 64,
    models: Sequence[str] = (),
    local: bool = False,
    scan: bool = False,
) -> str:
    """The page as HTML, of a service at ``base``, or a ``local`` one that reads in the page itself."""
    policy = "; ".join(f"{name} {value}" for name, value in LOCAL_POLICY.items())
    page = _templates().get_template("page.html")
    return page.render(base=base, items=items, models=models, local=local, policy=policy, scan=scan)


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), autoescape=select_autoescape(), trim_blocks=True)


def _file(path: Path) -> Route:
    content = path.read_bytes()

    async def file(_: Request) -> Response:
        return Response(content, headers={**GUARDED, "Content-Type": f"{KINDS[path.suffix]}; charset=utf-8"})

    return Route(f"/{path.name}", file)
