"""One e-mail through an SMTP server, within a deadline."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from common.errors import SettingsError
from common.monitoring.alerts.deadline import Outcome, retry

STEP_SECONDS = 5.0
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Server:
    """Where mail is handed in, and from whom it comes.

    Attributes:
        secure: TLS from the first byte on; otherwise STARTTLS if it is offered.
    """

    host: str
    port: int
    secure: bool
    sender: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse_server(url: str, sender: str) -> Server:
    """What SMTP_URL and MAIL_FROM say: `smtp://user:password@host:587` or `smtps://...`.

    Raises:
        SettingsError: they are unusable; SMTP_URL is not shown, it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        host, port = None, 0
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(
            "SMTP_URL must be smtp://user:password@host:port or smtps://..., with special "
            "characters of user and password as %XX (it is not shown: it may hold a password)."
        )
    if not is_address(sender):
        raise SettingsError(f"MAIL_FROM must be an e-mail address, not {sender!r}.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(host, port, parts.scheme == "smtps", sender, user, password)


def is_address(text: str) -> bool:
    """Is it one e-mail address (`ops@example.org`) in ASCII, without a name?"""
    try:
        return text.isascii() and Address(addr_spec=text).addr_spec == text
    except (ValueError, IndexError, HeaderParseError):
        return False


def send(server: Server, message: EmailMessage, end: float) -> str | None:
    """Hand in a message; return what went wrong, without addresses and passwords, or None.

    A password goes over TLS, or to this machine, or nowhere.

    Args:
        end: when to stop trying, by `time.monotonic`.
    """
    del message["Date"]
    message["Date"] = formatdate()

    def attempt(left: float) -> Outcome:
        try:
            with closing(_connected(server, min(STEP_SECONDS, left))) as client:
                if server.user:
                    if not isinstance(client.sock, ssl.SSLSocket) and server.host not in LOOPBACK:
                        return Outcome("it offers no TLS, so the password was not sent")
                    client.login(server.user, server.password)
                client.send_message(message)
                with suppress(OSError):  # it has the message, whatever it answers to QUIT
                    client.quit()
            return Outcome()
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            return _refused(code)
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code)
        except (smtplib.SMTPNotSupportedError, ssl.SSLError, UnicodeError) as error:
            return Outcome(type(error).__name__)
        except OSError as error:  # smtplib raises subclasses of it too
            return Outcome(type(error).__name__, True)

    return retry(attempt, end)


def _connected(server: Server, seconds: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.secure:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=context)
    client = smtplib.SMTP(server.host, server.port, timeout=seconds)
    try:
        client.ehlo_or_helo_if_needed()
        if client.has_extn("starttls"):
            client.starttls(context=context)
    except BaseException:
        client.close()
        raise
    return client


def _refused(code: int) -> Outcome:
    """By SMTP's convention 4xx may pass."""
    return Outcome(f"SMTP {code}", 400 <= code < 500)
