"""The settings of the server, beside those that it shares with the scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from common.settings import Settings, WordList

CaptureMode = Literal["off", "masked", "text", "hash", "none"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServingSettings(Settings):
    """All settings of `python -m serving`."""

    serve_host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen at; others need SERVE_TOKENS"
    )
    serve_port: int = Field(8000, ge=0, le=65535, description="port to listen at; 0: a free one")
    serve_tokens: Path | None = Field(
        None,
        description="file of bearer tokens, a line each: NAME ROLES TOKEN; roles are classify and "
        "feedback, with a comma between",
    )
    serve_names: WordList = Field(
        (),
        description="host names, separated by commas, that requests may address beside localhost "
        "and addresses",
    )
    serve_origins: WordList = Field(
        (), description="web origins, separated by commas, whose pages may ask (CORS); none else"
    )
    serve_poll: float = Field(
        5, gt=0, le=3600, allow_inf_nan=False, description="seconds between looks at the registry"
    )
    serve_shadow: str | None = Field(
        None,
        min_length=1,
        description="alias or number of a version that answers as well, to count where it differs",
    )
    serve_messages: int = Field(
        1000, ge=1, le=100_000, description="messages that one request may have; files: any number"
    )
    serve_characters: int = Field(
        20_000, ge=1, description="characters that one message of a request may have"
    )
    serve_body_bytes: int = Field(8_000_000, ge=1000, description="bytes of a request's body")
    serve_file_bytes: int = Field(
        1_000_000_000, ge=1000, description="bytes of a file that is sent to be scored"
    )
    serve_waiting: int = Field(
        10_000, ge=1, description="messages that may wait to be scored; above: 429, try again"
    )
    serve_rate: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="requests a second of one client (token or address); default: no limit",
    )
    serve_seconds: float = Field(
        30,
        gt=0,
        allow_inf_nan=False,
        description="seconds in which the head and the body of a request must come; a file's body: "
        "as long again without a byte",
    )
    serve_drain: float = Field(
        5,
        ge=0,
        allow_inf_nan=False,
        description="seconds between SIGTERM, when /health/ready fails, and the end of listening",
    )
    serve_labelled_bytes: int = Field(
        1_000_000_000, ge=1000, description="bytes of that file above which no label is taken"
    )
    serve_capture: CaptureMode = Field(
        "off",
        description="what is kept of the messages that are answered: off, masked (personal data "
        "made unreadable), text, hash (of the text) or none (of the text, but answers)",
    )
    serve_capture_share: float = Field(
        1.0, gt=0, le=1, allow_inf_nan=False, description="share of the requests that is kept"
    )
    serve_capture_folder: Path = Field(
        Path("captured"), description="folder for kept messages, a file a day"
    )
    serve_access_log: Path | None = Field(
        None,
        description="file for a line of JSON a request, - for stdout; default: logs/access.jsonl",
    )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.serve_host in LOOPBACK
