"""Every setting: its name, type, default and help. Read once: flags > environment > `.env`.

A setting is written in capitals in the environment and in `.env` (`ACCURACY_FLOOR=0.8`) and in
kebab-case as a flag (`--accuracy-floor 0.8`). Relative paths in the environment and in `.env`
start at the project's root, so that cron's working directory does not matter; relative paths in
flags start at the current directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from dotenv import load_dotenv
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from common import ROOT, setting_values
from common.errors import SettingsError
from common.text import printable

SECRET = {"alert_urls", "mlflow_tracking_uri", "heartbeat_url", "smtp_url"}

CRITICAL_KEYWORDS = (
    *("urgent", "asap", "emergency", "lawyer", "fraud", "scam", "stolen", "hacked", "refund"),
)
# What a file of messages looks like.
FORM = ("delimiter", "encoding", "header", "sheet", "field_characters")

Rule = Literal[
    "majority",
    "accuracy",
    "significance",
    "macro_f1",
    "recall",
    "segments",
    "log_loss",
    "calibration",
]
RULES: tuple[Rule, ...] = get_args(Rule)
RuleList = Annotated[
    tuple[Rule, ...],
    NoDecode,
    BeforeValidator(setting_values.no_rules),
    BeforeValidator(setting_values.split_commas),
]
WordList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.split_commas)]


class Settings(BaseSettings):
    """All settings of the three scripts; see `.env.example` for how to set them."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    def plain(self, field: str) -> str | None:
        """The plain value of a secret setting; give it only to the code that uses it."""
        secret = getattr(self, field)
        return None if secret is None else str(secret.get_secret_value())

    def told(self, field: str) -> Any:
        """A setting's value if a flag, the environment or `.env` gives it; None for a default."""
        return getattr(self, field) if field in self.model_fields_set else None

    def addresses(self) -> list[str]:
        """The alert addresses as plain text, for the code that sends to them."""
        return [url.get_secret_value() for url in self.alert_urls]

    mlflow_tracking_uri: str | None = Field(
        None, description="MLflow server or database; default: mlflow.db in the project's root"
    )
    mlflow_experiment_name: str = Field(
        "triage", min_length=1, description="experiment that runs are logged under"
    )
    model_name: str = Field(
        "triage", pattern=r"^[^/:@]+$", description="registered model's name (no / : @)"
    )
    data_path: Path | None = Field(
        None, description="labelled messages to train on; default: a synthetic sample"
    )
    monitor_data_path: Path | None = Field(
        None, description="labelled messages to monitor; default: the holdout side of DATA_PATH"
    )
    text_column: str = Field("text", min_length=1, description="column with the message")
    delimiter: Annotated[str, AfterValidator(setting_values.delimiter)] | None = Field(
        None,
        description="what stands between cells of CSV (one character, or tab); default: comma, "
        "semicolon or tab, as the header shows",
    )
    encoding: Annotated[str, AfterValidator(setting_values.encoding)] | None = Field(
        None, description="encoding of CSV and JSON lines; default: UTF-8, or its byte order mark"
    )
    header: WordList | None = Field(
        None, description="names, separated by commas, for the columns of CSV without a header"
    )
    sheet: str | None = Field(
        None, min_length=1, description="sheet of an Excel file; default: the first"
    )
    field_characters: int = Field(
        16_000_000, ge=1, le=2**31 - 1, description="longest field of CSV that can be read"
    )
    target_column: str = Field(
        "inbound",
        min_length=1,
        description="column with the class; default for synthetic messages: topic",
    )
    label_with: Literal["column", "vader", "keywords"] = Field(
        "column",
        description="where the class comes from: TARGET_COLUMN, VADER sentiment of the text, "
        "or CRITICAL_KEYWORDS in it",
    )
    critical_keywords: WordList = Field(
        CRITICAL_KEYWORDS,
        min_length=1,
        description="words, separated by commas, that make a message critical "
        "(LABEL_WITH=keywords)",
    )
    normalise_labels: bool = Field(
        False, description="make one class of those that differ only by case or blanks"
    )
    holdout_percent: int = Field(
        20, ge=5, le=50, description="share of the messages kept for the holdout, percent (5-50)"
    )
    model_family: str = Field(
        "boosted", min_length=1, description="how a model gets from texts to classes"
    )
    lexicon: str = Field(
        "auto",
        min_length=1,
        description="words with values that the model may use: vader (comes along, English), auto "
        "(vader if it gains beyond chance), a file of rows `word,value`, or none",
    )
    embeddings: str = Field(
        "none",
        min_length=1,
        description="vectors that the model uses beside the words: a file of word vectors (as of "
        "word2vec, GloVe, fastText; or Parquet), a function as `module:function`, or none",
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: rare classes count as much as frequent ones"
    )
    champion_threshold: float = Field(
        0.005,
        allow_inf_nan=False,
        ge=-1,
        le=1,
        description="a challenger must be more than this better, in absolute accuracy (-1 to 1)",
    )
    promote_significance: float = Field(
        0.05,
        gt=0,
        le=1,
        description="largest p-value of McNemar's test with which a challenger is promoted; not "
        "asked for if CHAMPION_THRESHOLD is negative (0 to 1)",
    )
    promote_rules: RuleList = Field(
        RULES,
        description="rules that a challenger must pass, separated by commas; all are reported; "
        "none: nothing is promoted",
    )
    contest_rows: int = Field(
        30, ge=1, description="rows that champion and challenger must at least be compared on"
    )
    promotion: Literal["auto", "manual"] = Field(
        "auto",
        description="manual: a challenger that passed waits for "
        "`python -m common.registry promote`",
    )
    segment_column: str | None = Field(
        None, description="column of groups (brand, language) none of which may lose accuracy"
    )
    time_column: str = Field(
        "created_at", min_length=1, description="column that says when a message was written"
    )
    time_format: Annotated[str, AfterValidator(setting_values.time_format)] | None = Field(
        None,
        description="how TIME_COLUMN is written, as for strptime (%d/%m/%Y %H:%M), where that is "
        "unclear",
    )
    time_zone: Annotated[str, AfterValidator(setting_values.time_zone)] = Field(
        "UTC",
        description="zone whose days are judged, and of times that name none (Europe/Berlin)",
    )
    id_column: str = Field("tweet_id", min_length=1, description="column that names a message")
    window: str = Field(
        "file",
        pattern=r"^(file|[1-9]\d{0,8}[dw]?)$",
        description="what is judged at a time: file, days or weeks by TIME_COLUMN (1d, 2w), or a "
        "number of rows",
    )
    accuracy_floor: float = Field(
        0.80, gt=0, lt=1, description="accuracy below which the monitor alerts (between 0 and 1)"
    )
    alert_urls: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(setting_values.split_commas)
    ] = Field(
        (),
        description="addresses, separated by commas, that are told of incidents: https://..., "
        "Slack's and Teams' webhooks, mailto:...",
    )
    monitor_state: Path | None = Field(
        None, description="where the monitor keeps its windows and incidents; default: monitor.db"
    )
    remind_hours: float = Field(
        24,
        gt=0,
        allow_inf_nan=False,
        description="hours after which an open incident is told again; of drift, 7 days at least",
    )
    label_days: float = Field(
        7, gt=0, allow_inf_nan=False, description="days that the newest label may be old"
    )
    heartbeat_url: SecretStr | None = Field(
        None, description="http(s) address that each run of the monitor pings, as healthchecks.io's"
    )
    smtp_url: SecretStr | None = Field(
        None, description="mail server for alerts: smtp://USER:PASSWORD@HOST:587 or smtps://..."
    )
    mail_from: str | None = Field(None, description="sender of mails")
    draft_days: float = Field(
        7,
        ge=0,
        allow_inf_nan=False,
        description="days to keep what an interrupted predict.py left (0 or more)",
    )
    mask: bool = Field(
        False,
        description="true: mail addresses, phone numbers, cards, IBANs, handles and links are "
        "masked in messages that are stored or shown",
    )
    examples: int = Field(
        10,
        ge=0,
        le=1000,
        description="messages that each page and table shows at most; 0: no message is kept",
    )
    log_days: float = Field(
        90,
        gt=0,
        allow_inf_nan=False,
        description="days to keep lines of the log files (more than 0)",
    )
    report_days: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="days to keep other reports of monitor.py in the folder of --report (more than "
        "0); default: for ever",
    )
    seed: int = Field(42, ge=0, le=2**31 - 1, description="seed of everything random")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="how much goes to the log files and the console"
    )


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
    resolved: dict[str, Path | str] = {
        field: _resolve(field, path, Path.cwd() if field in flags else ROOT)
        for field in kind.model_fields
        if isinstance(path := getattr(settings, field), Path) and str(path) != "-"
    }
    for field in ("lexicon", "embeddings"):
        if setting_values.is_file(field, value := getattr(settings, field)):
            start = Path.cwd() if field in flags else ROOT
            resolved[field] = str(_resolve(field, Path(value), start))
    return settings.model_copy(update=resolved)


def as_text(value: object) -> str:
    """The value of a setting as a parameter of a run has it."""
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
