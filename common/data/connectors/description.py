"""What describes a source in a TOML file: how it is read, and what all kinds have in common."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from common.data.files import readable
from common.errors import InputError
from common.setting_values import is_web_address
from common.text import one_line


class Table(BaseModel):
    """A table of such a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _web_address(url: str) -> str:
    if not is_web_address(url) or "@" in urlsplit(url).netloc:
        raise ValueError("must start with https:// or http:// and name a host, without a password")
    return url


WebAddress = Annotated[str, AfterValidator(_web_address)]
Described = TypeVar("Described", bound=Table)


def parsed(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        InputError: it can't be read.
    """
    with readable(path):
        text = path.read_text("utf-8-sig")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {one_line(error)}.") from error


def read(path: Path, kind: type[Described]) -> Described:
    """Read a description.

    Raises:
        InputError: it can't be read, or something in it is wrong or missing.
    """
    try:
        return kind.model_validate(parsed(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ", ".join(filter(None, [str(path), ".".join(map(str, first["loc"]))]))
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {said[0].lower()}{said[1:]}.") from error


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port
