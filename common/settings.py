"""Every setting: its name, type, default and help.

A setting is written in capitals in the environment and in `.env` (`ACCURACY_FLOOR=0.8`) and in
kebab-case as a flag (`--accuracy-floor 0.8`). Relative paths in the environment and in `.env`
start at the project's root, so that cron's working directory does not matter; relative paths in
flags start at the current directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common import setting_values

SECRET = {"alert_urls", "mlflow_tracking_uri", "heartbeat_url", "smtp_url", "source_url"}

CRITICAL_KEYWORDS = (
    *("urgent", "asap", "emergency", "lawyer", "fraud", "scam", "stolen", "hacked", "refund"),
)
# Where classes come from; vader is the name that sentiment had in 1.0.0.
LabelWith = Literal["column", "sentiment", "critical", "keywords", "file", "vader"]
LABELLERS: tuple[LabelWith, ...] = get_args(LabelWith)
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
    "coverage",
    "cost",
]
ALL_RULES: tuple[Rule, ...] = get_args(Rule)
# Those that decide where nobody says which; coverage and cost do where they are asked for.
RULES: tuple[Rule, ...] = tuple(rule for rule in ALL_RULES if rule not in ("coverage", "cost"))
RuleList = Annotated[
    tuple[Rule, ...],
    NoDecode,
    BeforeValidator(setting_values.no_rules),
    BeforeValidator(setting_values.split_commas),
]
ClassShares = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(setting_values.split_quoted),
    AfterValidator(setting_values.class_shares),
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
        description="column with the class, or several (A,B), each with a model of its own; "
        "default for synthetic messages: topic",
    )
    label_with: LabelWith = Field(
        "column",
        description="where the class comes from: TARGET_COLUMN, VADER's sentiment of the text "
        "(vader is its old name), the critical words that come along, CRITICAL_KEYWORDS, or the "
        "file LABELS_PATH",
    )
    labels_path: Path | None = Field(
        None,
        description="file, or folder of files, with the columns ID_COLUMN and TARGET_COLUMN "
        "(LABEL_WITH=file)",
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
    transformer: str = Field(
        "none",
        min_length=1,
        description="model that MODEL_FAMILY=transformer fine-tunes: a folder of Hugging Face's "
        "transformers (./NAME), its name on their hub, or none",
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
        "none: nothing is promoted; coverage may be added: no fewer automatic answers; and cost: "
        "lower",
    )
    auto_accuracy: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="accuracy promised of the answers that nobody looks at (between 0 and 1), such "
        "as 0.95: training chooses the confidence from which on; default: no answer is routed",
    )
    auto_accuracy_by_class: ClassShares = Field(
        (),
        description="the same of the answers that say one class, such as critical:0.99, separated "
        'by commas, "late, lost":0.99 if it has one; 1: a person looks at all of them',
    )
    costs: Path | None = Field(
        None,
        description="file of what mistakes cost, rows truth,answer,cost (* for any, the answer "
        "@person for a person's look): the answer that costs least is given; default: the "
        "likeliest class",
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
        None,
        description="column of groups (brand, language) none of which may lose accuracy; "
        "@language: that of the text, found out",
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
    reply_column: str = Field(
        "in_response_to_tweet_id",
        min_length=1,
        description="column that names the message that a message answers",
    )
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
    burst_alerts: bool = Field(
        True, description="whether who is told of incidents is told once of phrases that have burst"
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
    source_url: SecretStr | None = Field(
        None,
        description="database that `python -m common.fetch QUERY.sql` asks: "
        "postgresql://USER:PASSWORD@HOST/NAME",
    )
    draft_days: float = Field(
        7,
        ge=0,
        allow_inf_nan=False,
        description="days to keep what an interrupted run of predict or prepare left (0 or more)",
    )
    serve_labelled: Path | None = Field(
        None,
        description="file that labels given on the page, and queues that people filled in, are "
        "added to; default: labelled.csv in the project's root",
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
