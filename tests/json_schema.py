"""What of JSON Schema (2020-12) the schemas in docs/schemas use, for tests to hold output against.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "format"}
KEYWORDS = {
    *("$ref", "type", "enum", "anyOf", "minimum", "maximum", "items"),
    *("properties", "required", "additionalProperties"),
}


def violations(value: Any, schema: dict[str, Any]) -> list[str]:
    """Where a value is not as the schema says, and how."""
    return list(_violations(value, schema, schema, "$"))


def _violations(value: Any, schema: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    unknown = set(schema) - ANNOTATIONS - KEYWORDS
    assert not unknown, f"the schema uses what this does not know: {unknown}"
    if "$ref" in schema:
        yield from _violations(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema and all(
        any(_violations(value, choice, root, at)) for choice in schema["anyOf"]
    ):
        yield f"{at}: {value!r} is none of what it may be"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_a(value, kind) for kind in kinds):
        yield f"{at}: {value!r} is not {' or '.join(kinds)}"
        return
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if _is_a(value, "number") and not low <= value <= high:
        yield f"{at}: {value!r} is out of range"
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            yield from _violations(item, schema["items"], root, f"{at}[{place}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, at)


def _of_object(value: dict[str, Any], schema: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}: {name} is missing"
    others = schema.get("additionalProperties", {})
    for name, item in value.items():
        expected = schema.get("properties", {}).get(name, others)
        if expected is False:
            yield f"{at}: {name} is not expected"
        elif expected is not True:
            yield from _violations(item, expected, root, f"{at}.{name}")


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
