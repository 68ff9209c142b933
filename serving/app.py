"""The web application: contracts, API and page behind the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse

from common import __version__
from serving import problems
from serving.access_log import AccessLog
from serving.api import batch, classify, feedback, health, history, labelling
from serving.contracts import huggingface, mlflow, open_inference, tensorflow
from serving.contracts.huggingface import Inputs, Parameters
from serving.contracts.tensorflow import Instances
from serving.gate import Bounded, Bounds, Guarded, Recorded, Rules
from serving.problems import Problem, refused
from serving.service import Service

PAGES = Path(__file__).parent / "page"
VIEWS = {"/": "index.html", "/label": "label.html", "/history": "history.html"}
EXPOSED = ("X-Request-Id", "X-Model-Name", "X-Model-Version")

# Names that an error may say; other keys of a body are what somebody has sent.
FIELDS = frozenset(
    name
    for model in (classify.Messages, feedback.Label, Inputs, Parameters, Instances)
    for name in model.model_fields
)


def create(service: Service, rules: Rules, log: AccessLog) -> FastAPI:
    """The application; everything it needs is in its arguments."""
    settings = service.settings
    bounds = Bounds(settings.serve_body_bytes, settings.serve_file_bytes, settings.serve_seconds)
    layers = [
        Middleware(Recorded, metrics=service.metrics, log=log),
        Middleware(Guarded, rules=rules),
        Middleware(Bounded, bounds=bounds),
    ]
    if settings.serve_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(settings.serve_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
            expose_headers=list(EXPOSED),
        )
        layers.insert(1, cors)
    app = FastAPI(
        title="Triage",
        summary="Classes of customer-support messages, by the registered champion",
        version=__version__,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        middleware=layers,
        responses={
            status: {"description": text, "content": {problems.MEDIA_TYPE: {}}}
            for status, text in problems.DOCUMENTED.items()
        },
    )
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    # Routes are looked at in this order, so what is asked most comes first.
    for contract in (huggingface, mlflow, tensorflow, open_inference):
        app.include_router(contract.router(service))
    for part in (classify, batch, feedback, labelling, history, health):
        app.include_router(part.router(service))
    _add_pages(app)
    _name_the_model(app, service)
    return app


def _name_the_model(app: FastAPI, service: Service) -> None:
    """Have /openapi.json say which model and version paths are about."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            known = {"name": service.name, "version": str(service.find("champion").number)}
            for operations in describe()["paths"].values():
                for operation in operations.values():
                    for parameter in operation.get("parameters", ()):
                        if parameter["in"] == "path" and parameter["name"] in known:
                            parameter["example"] = known[parameter["name"]]
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]


def _add_pages(app: FastAPI) -> None:
    for path, name in VIEWS.items():
        app.add_api_route(
            path,
            _page(PAGES / name),
            methods=["GET", "HEAD"],
            include_in_schema=False,
            response_class=FileResponse,
        )
    app.mount("/static", StaticFiles(directory=PAGES / "static"), name="static")


def _page(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def page() -> FileResponse:
        return FileResponse(file, media_type="text/html; charset=utf-8")

    return page


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return problems.response(error)
    # The framework's own words may repeat what was sent.
    detail = problems.DETAILS.get(error.status_code, "The request can't be met.")
    return problems.response(HTTPException(error.status_code, detail, error.headers))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problems.response(refused("The body is not JSON."))
    if first["type"] == "model_attributes_type" and "json" not in request.headers.get(
        "content-type", ""
    ):
        return problems.response(
            Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send it with Content-Type: application/json."
            )
        )
    # Names of fields are ours, but keys of an object may be anything that was sent.
    place = [str(part) for part in first["loc"][1:] if isinstance(part, int) or part in FIELDS]
    where = ".".join(place) or "the body"
    return problems.response(refused(f"{where}: {problems.plain(first['type'])}."))
