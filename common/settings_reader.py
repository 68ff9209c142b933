"""Settings as they are read, once: flags > environment > `.env`; and as runs keep them, as text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from common import ROOT, setting_values
from common.errors import SettingsError
from common.settings import SECRET, Settings
from common.text import printable


def setting_name(field: str) -> str:
    """`accuracy_floor` -> `ACCURACY_FLOOR`, the spelling in the environment and in messages."""
    return field.upper()


def load(
    flags: Mapping[str, str] | None = None,
    dotenv: Path = ROOT / ".env",
    kind: type[Settings] = Settings,
) -> Settings:
    """Read the settings once. `flags` maps field names to what was given on the command line.

    `.env` is loaded into the environment without replacing what is there, so that keys of others
    (MLFLOW_TRACKING_USERNAME, AWS_ACCESS_KEY_ID) reach those who read them.

    Raises:
        SettingsError: a value has the wrong type or is out of range, or `.env` holds a line
            that is not a setting, or a name that looks like a misspelt one.
    """
    if not ROOT.is_dir():
        raise SettingsError(f"there is no folder {ROOT}: make it, or let TRIAGE_HOME name another.")
    flags = flags or {}
    in_environment = {name.upper() for name in os.environ}
    try:
        _refuse_unusable(dotenv, kind)
        load_dotenv(dotenv, override=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {dotenv}: {error}.") from error
    try:
        settings = kind(**flags)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_one_line(error, kind, flags, in_environment, dotenv)) from error
    _refuse_bad_url("HEARTBEAT_URL", settings.plain("heartbeat_url"))
    resolved: dict[str, Path | str | SecretStr] = {
        field: _resolve(field, path, Path.cwd() if field in flags else ROOT)
        for field in kind.model_fields
        if isinstance(path := getattr(settings, field), Path) and str(path) != "-"
    }
    for field in ("lexicon", "embeddings", "transformer"):
        if setting_values.is_file(field, value := getattr(settings, field)):
            start = Path.cwd() if field in flags else ROOT
            resolved[field] = str(_resolve(field, Path(value), start))
    if address := settings.plain("source_url"):
        resolved["source_url"] = SecretStr(setting_values.absolute(address, ROOT))
    return settings.model_copy(update=resolved)


def as_text(value: object) -> str:
    """The value of a setting as a parameter of a run has it."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{share:g}" for name, share in value.items()) or "none"
    return ",".join(value) or "none" if isinstance(value, tuple) else printable(value)


def from_text(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values, by setting, that `as_text` made these texts of."""
    given = {name: text for name, text in texts.items() if text != "None"}
    try:
        parsed = _OnlyGiven(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SettingsError(f"{setting_name(str(first['loc'][0]))}: {first['msg']}.") from error
    return {name: getattr(parsed, name) if name in given else None for name in texts}


class _OnlyGiven(Settings):
    """Settings that read nothing but what they are given."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _resolve(field: str, path: Path, start: Path) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{setting_name(field)} {path}: {error}") from error
    return expanded if expanded.is_absolute() else start / expanded


def _refuse_unusable(dotenv: Path, kind: type[Settings]) -> None:
    """Refuse misspelt settings, and lines that would be left out without a word."""
    if not dotenv.is_file():
        return
    known = [setting_name(field) for field in kind.model_fields]
    with dotenv.open(encoding="utf-8-sig") as file:
        bindings = list(parse_stream(file))
    for binding in bindings:
        written, name = binding.original.string, binding.key
        if binding.error or (name and (binding.value is None or "\0" in written)):
            blank = written[: len(written) - len(written.lstrip())]
            raise SettingsError(
                f"{dotenv}, line {binding.original.line + blank.count(chr(10))}: not NAME=VALUE "
                "(it is not shown: it may hold a secret). Mend it, or put # before it."
            )
        close = get_close_matches((name or "").upper(), known, n=1, cutoff=0.9)
        if name not in known and close:
            raise SettingsError(f"unknown setting {name} in {dotenv}: did you mean {close[0]}?")


def _refuse_bad_url(name: str, url: str | None) -> None:
    if url is not None and not setting_values.is_web_address(url):
        raise SettingsError(
            f"{name} must start with http:// or https:// and name a host (it is not shown: it may "
            "hold a token)."
        )


def _one_line(
    error: ValidationError,
    kind: type[Settings],
    flags: Mapping[str, str],
    in_environment: set[str],
    dotenv: Path,
) -> str:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]).lower()
    name = setting_name(field)
    if field in flags:
        source = f"--{field.replace('_', '-')}"
    elif name in in_environment:
        source = "the environment"
    else:
        source = str(dotenv)
    said = first["msg"].removeprefix("Value error, ")
    message = said[0].lower() + said[1:]
    shown = "" if field in SECRET else f", not {first['input']!r}"
    allowed = kind.model_fields[field].description
    return f"{name} (from {source}): {message}{shown}. It means: {allowed}."
