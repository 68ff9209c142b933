"""Hold JSON against a schema of docs/schemas: the part of JSON Schema 2020-12 that those use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from helpers import ROOT

FOLDER = ROOT / "docs" / "schemas"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
NOTES = {"$schema", "$defs", "title", "description"}


def problems(data: Any, schema: str, where: str = "$") -> list[str]:
    """What is wrong with `data`; `schema` is the name of a file in docs/schemas."""
    document = json.loads((FOLDER / schema).read_text("utf-8"))
    return list(_problems(data, document, schema, where))


def _problems(data: Any, schema: dict[str, Any], file: str, where: str) -> Iterator[str]:
    for keyword, value in schema.items():
        if keyword in NOTES or keyword in ("properties", "additionalProperties"):
            continue
        if keyword == "$ref":
            target, found = _resolve(value, file)
            yield from _problems(data, found, target, where)
        elif keyword == "items":
            for number, item in enumerate(data if isinstance(data, list) else ()):
                yield from _problems(item, value, file, f"{where}[{number}]")
        elif keyword == "anyOf":
            if all(list(_problems(data, option, file, where)) for option in value):
                yield f"{where}: none of anyOf"
        elif not CHECKS[keyword](data, value):
            yield f"{where}: {data!r} breaks {keyword} {value}"
    if isinstance(data, dict):
        yield from _of_properties(data, schema, file, where)


def _of_properties(
    data: dict[str, Any], schema: dict[str, Any], file: str, where: str
) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, value in data.items():
        if name in known:
            yield from _problems(value, known[name], file, f"{where}.{name}")
        elif others is False:
            yield f"{where}.{name}: is not in the schema"
        elif isinstance(others, dict):
            yield from _problems(value, others, file, f"{where}.{name}")


def _resolve(reference: str, file: str) -> tuple[str, dict[str, Any]]:
    target, _, pointer = reference.partition("#")
    found = json.loads((FOLDER / (target or file)).read_text("utf-8"))
    for key in filter(None, pointer.split("/")):
        found = found[key]
    return target or file, found


def _has_type(data: Any, names: str | list[str]) -> bool:
    names = [names] if isinstance(names, str) else names
    if isinstance(data, bool):
        return "boolean" in names
    return any(isinstance(data, TYPES[name]) for name in names)


def _is_number(data: Any) -> bool:
    return isinstance(data, (int, float)) and not isinstance(data, bool)


CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _has_type,
    "enum": lambda data, allowed: any(data is one or data == one for one in allowed),
    "required": lambda data, names: not isinstance(data, dict) or set(names) <= set(data),
    "minimum": lambda data, least: not _is_number(data) or data >= least,
    "maximum": lambda data, most: not _is_number(data) or data <= most,
    "minItems": lambda data, least: not isinstance(data, list) or len(data) >= least,
    "maxItems": lambda data, most: not isinstance(data, list) or len(data) <= most,
    "pattern": lambda data, shape: not isinstance(data, str) or bool(re.search(shape, data)),
}
