"""What an address in ALERT_URLS means: what kind of receiver it is, and what it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

from common.errors import SettingsError
from common.monitoring.alerts import mail

SLACK_HOSTS = ("hooks.slack.com",)
TEAMS_DOMAINS = (".webhook.office.com", ".logic.azure.com", ".powerplatform.com")


class Kind(StrEnum):
    """What a channel takes."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"
    MAIL = "mail"
    APPRISE = "apprise"


SCHEMES = {
    "http": Kind.JSON,
    "https": Kind.JSON,
    "slack+http": Kind.SLACK,
    "slack+https": Kind.SLACK,
    "teams+http": Kind.TEAMS,
    "teams+https": Kind.TEAMS,
    "mailto": Kind.MAIL,
}


@dataclass(frozen=True)
class Channel:
    """One receiver.

    Attributes:
        key: a digest of the address, to store instead of it.
        position: of the address in ALERT_URLS, from 1.
        host: what may be shown of the address. For Apprise it is the scheme, because its addresses
            have tokens where others have hosts.
        target: where to send to, for the kind: http(s) address, e-mail address, Apprise's address.
        server: for e-mail.
    """

    kind: Kind
    key: str
    position: int
    host: str
    target: str = field(repr=False)
    server: mail.Server | None = None

    def __str__(self) -> str:
        return f"address {self.position} of ALERT_URLS ({self.host})"


def parse(
    addresses: Sequence[str], smtp_url: str | None = None, mail_from: str | None = None
) -> tuple[Channel, ...]:
    """Return the channels that addresses mean; an address that is there twice is one channel.

    - `https://hooks.slack.com/...`, `slack+https://host/...`: Slack, Mattermost
    - `https://*.webhook.office.com/...`, `*.logic.azure.com`, `*.powerplatform.com`,
      `teams+https://host/...`: Microsoft Teams
    - other `http://` and `https://`: the notice as JSON
    - `mailto:ops@example.org`: e-mail through `smtp_url` from `mail_from`
    - any other scheme: Apprise, if it is installed

    Raises:
        SettingsError: an address is unusable; it names its position and never shows it.
    """
    channels: dict[str, Channel] = {}
    for position, address in enumerate(addresses, start=1):
        try:
            channel = _parse(address, position, smtp_url, mail_from)
        except ValueError as error:
            # Not chained: what urlsplit says holds the address.
            raise SettingsError(
                f"ALERT_URLS: address {position} of {len(addresses)} {_problem(error)} "
                "(it is not shown: it may hold a token)."
            ) from None
        channels.setdefault(channel.key, channel)
    return tuple(channels.values())


class _Unusable(ValueError):
    """Its message says what an address should be, and holds nothing of it."""


def _problem(error: ValueError) -> str:
    return str(error) if isinstance(error, _Unusable) else "is not an address"


def _parse(address: str, position: int, smtp_url: str | None, mail_from: str | None) -> Channel:
    if not address.isprintable() or " " in address:
        raise _Unusable("holds a blank or a control character")
    parts = urlsplit(address)
    if not parts.scheme:
        raise _Unusable("has no scheme: it must start with https://, mailto: or the like")
    key = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    kind = SCHEMES.get(parts.scheme, Kind.APPRISE)
    if kind is Kind.MAIL:
        recipient, server = _mail(parts, smtp_url, mail_from)
        return Channel(kind, key, position, server.host, recipient, server)
    if kind is Kind.APPRISE:
        _require_apprise(address)
        return Channel(kind, key, position, parts.scheme, address)
    host = _host(parts)
    if kind is Kind.JSON:
        kind = _kind_of_host(host)
    target = parts.scheme.rpartition("+")[2] + address[len(parts.scheme) :]
    return Channel(kind, key, position, host, target)


def _host(parts: SplitResult) -> str:
    _ = parts.port  # raises if it is not a port
    host = parts.hostname or ""
    if not host or not all(host.rstrip(".").split(".")):
        raise _Unusable("names no host")
    return host


def _kind_of_host(host: str) -> Kind:
    if host in SLACK_HOSTS:
        return Kind.SLACK
    return Kind.TEAMS if host.endswith(TEAMS_DOMAINS) else Kind.JSON


def _mail(
    parts: SplitResult, smtp_url: str | None, mail_from: str | None
) -> tuple[str, mail.Server]:
    recipient = unquote(parts.path)
    if parts.netloc or parts.query or parts.fragment or not mail.is_address(recipient):
        raise _Unusable("is not an e-mail address: it must be mailto:somebody@example.org")
    if not smtp_url or not mail_from:
        raise _Unusable("is an e-mail address: set SMTP_URL and MAIL_FROM too")
    return recipient, mail.parse_server(smtp_url, mail_from)


def _require_apprise(address: str) -> None:
    try:
        import apprise
    except ImportError:
        raise _Unusable(
            "is of a kind that only Apprise may know, which is not installed: make apprise"
        ) from None
    if not apprise.Apprise().add(address):
        raise _Unusable("is of a kind that Apprise does not know")
