"""Mail through a real server: taken once, refused in one word, no password in the open."""

import logging
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from helpers import free_port
from receivers import dripping, mail, silent

from common.errors import SettingsError
from common.monitoring.alerts import deadline
from common.monitoring.alerts.mail import is_address, parse_server, send

PASSWORD = "s3cret%2F"


@pytest.fixture(autouse=True)
def _quick(monkeypatch, caplog):
    monkeypatch.setattr(deadline, "PAUSES", (0.05, 0.05))
    caplog.set_level(logging.DEBUG)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, and a server's context with it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + signed.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


def message(text="größe 👍\n.\nend"):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Größe", "a@example.org", "b@example.org"
    message.set_content(text)
    return message


def server(port, user="", host="127.0.0.1", scheme="smtp"):
    return parse_server(f"{scheme}://{user}{host}:{port}", "a@example.org")


def sent(port, seconds=5.0, **other):
    return send(server(port, **other), message(), time.monotonic() + seconds)


def test_a_message_is_taken_whole():
    with mail() as taken:
        assert sent(taken.port) is None
    (found,) = taken.messages
    assert found["Subject"] == "Größe"
    assert found["Date"]
    assert found.get_content().splitlines() == ["größe 👍", ".", "end"]
    assert taken.envelopes == [("mail FROM:<a@example.org>", ["rcpt TO:<b@example.org>"])]
    assert "AUTH" not in taken.commands


def test_to_this_machine_a_user_logs_in_without_tls():
    with mail() as taken:
        assert sent(taken.port, user=f"ann:{PASSWORD}@") is None
    assert "AUTH" in taken.commands


def test_starttls_is_used_where_it_is_offered(certificate, monkeypatch):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with mail(tls=context) as taken:
        assert sent(taken.port, user="ann:pw@", host="localhost") is None
    assert taken.commands.index("STARTTLS") < taken.commands.index("AUTH")
    assert len(taken.messages) == 1


def test_smtps_is_tls_from_the_start(certificate, monkeypatch):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with mail(tls=context, tls_first=True) as taken:
        assert sent(taken.port, host="localhost", scheme="smtps") is None
    assert "STARTTLS" not in taken.commands


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    with mail(tls=certificate[1]) as taken:
        assert sent(taken.port, user="ann:pw@", host="localhost") == "SSLCertVerificationError"
    assert "AUTH" not in taken.commands


def test_a_password_does_not_travel_in_the_open(monkeypatch):
    monkeypatch.setattr("common.monitoring.alerts.mail.LOOPBACK", ())
    with mail() as taken:
        assert "no TLS" in sent(taken.port, user=f"ann:{PASSWORD}@")
    assert "AUTH" not in taken.commands


@pytest.mark.parametrize("verb", ["AUTH", "MAIL", "RCPT", "DATA", "END"])
def test_what_passes_is_tried_again(verb):
    with mail({verb: ["451 later"]}) as taken:
        assert sent(taken.port, user="ann:pw@") is None
    assert len(taken.messages) == 1


@pytest.mark.parametrize("verb", ["AUTH", "MAIL", "RCPT", "DATA", "END"])
def test_a_refusal_is_final_and_says_its_code_alone(verb, caplog):
    with mail({verb: ["554 ann is not welcome"] * 2}) as taken:
        problem = sent(taken.port, user="ann:pw@")
    assert problem == "SMTP 554"
    assert not taken.messages
    assert "ann" not in caplog.text


@pytest.mark.parametrize("farewell", ["500 what?", ""])
def test_a_bad_farewell_is_no_failure(farewell):
    with mail({"QUIT": [farewell]}) as taken:
        assert sent(taken.port) is None
    assert len(taken.messages) == 1


def test_nobody_there_is_one_word():
    assert sent(free_port()) == "ConnectionRefusedError"


def test_a_silent_server_is_given_up():
    with silent() as port:
        started = time.monotonic()
        assert sent(port, seconds=0.3) == "SMTPServerDisconnected"
    assert time.monotonic() - started < 2


def test_a_server_that_speaks_no_smtp_is_given_up():
    with dripping(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        assert sent(port, seconds=0.3) is not None


@pytest.mark.parametrize(
    ("url", "port", "secure"),
    [
        ("smtp://mail.example.org", 587, False),
        ("smtps://mail.example.org", 465, True),
        ("smtp://mail.example.org:25/", 25, False),
    ],
)
def test_ports_are_those_of_submission(url, port, secure):
    parsed = parse_server(url, "a@example.org")
    assert (parsed.host, parsed.port, parsed.secure) == ("mail.example.org", port, secure)


def test_user_and_password_may_hold_any_sign():
    parsed = parse_server("smtp://ann%40example.org:p%2Fw%3A@host", "a@example.org")
    assert (parsed.user, parsed.password) == ("ann@example.org", "p/w:")


@pytest.mark.parametrize(
    "url",
    ["s3cret", "http://s3cret@host", "smtp://", "smtp://u:s3cret@host:x", "smtp://[s3cret",
     "smtp://u:s3c/ret@host", "smtp://host?s3cret", "smtp://host#s3cret"],
)  # fmt: skip
def test_a_bad_server_is_refused_without_being_shown(url):
    with pytest.raises(SettingsError, match="SMTP_URL must be") as refusal:
        parse_server(url, "a@example.org")
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@b\nBcc: c@d",
        "A <a@b>",
        "a@b c@d",
        "ä@b",
        "a@ä",
        "a@b ",
        "a@b(c)",
        "a@b\t",
    ],
)
def test_a_sender_is_one_address(sender):
    assert not is_address(sender)
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        parse_server("smtp://host", sender)
