"""What an address in ALERT_URLS means, and that no refusal shows it."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import SettingsError
from common.monitoring.alerts import channels
from common.monitoring.alerts.channels import Kind

SECRET = "t0ken"
SMTP = (f"smtp://ann:{SECRET}@mail.example.org", "triage@example.org")


@pytest.fixture(autouse=True)
def _without_apprise(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)


def parse_one(address, *smtp):
    (channel,) = channels.parse([address], *smtp)
    return channel


@pytest.mark.parametrize(
    ("address", "kind", "target"),
    [
        ("http://127.0.0.1:8080/hook", Kind.JSON, None),
        ("https://example.org/hook?key=1", Kind.JSON, None),
        ("https://hooks.slack.com/services/T0/B0/x", Kind.SLACK, None),
        ("https://HOOKS.slack.com/services/T0/B0/x", Kind.SLACK, None),
        ("https://hooks.slack.com.example.org/x", Kind.JSON, None),
        ("slack+https://chat.example.org/hooks/x", Kind.SLACK, "https://chat.example.org/hooks/x"),
        ("slack+http://127.0.0.1:8065/hooks/x", Kind.SLACK, "http://127.0.0.1:8065/hooks/x"),
        ("https://acme.webhook.office.com/webhookb2/x", Kind.TEAMS, None),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x?sig=y", Kind.TEAMS, None),
        ("https://x.1.environment.api.powerplatform.com/workflows/x", Kind.TEAMS, None),
        ("https://evil-logic.azure.com/x", Kind.JSON, None),
        ("teams+https://proxy.example.org/x", Kind.TEAMS, "https://proxy.example.org/x"),
    ],
)
def test_an_address_says_what_is_sent_there(address, kind, target):
    channel = parse_one(address)
    assert (channel.kind, channel.target) == (kind, target or address)


def test_mail_goes_through_the_server_that_was_set():
    channel = parse_one("mailto:ops@example.org", *SMTP)
    assert (channel.kind, channel.target) == (Kind.MAIL, "ops@example.org")
    assert (channel.host, channel.server.sender) == ("mail.example.org", "triage@example.org")


def test_channels_have_positions_and_lasting_keys():
    addresses = ["https://a.example.org/1", "https://a.example.org/2"]
    first, second = channels.parse(addresses)
    assert (first.position, second.position) == (1, 2)
    assert str(second) == "address 2 of ALERT_URLS (a.example.org)"
    assert first.key != second.key == parse_one(addresses[1]).key


def test_an_address_that_is_there_twice_is_told_once():
    assert len(channels.parse(["https://a.example.org", "https://a.example.org"])) == 1


def test_a_channel_shows_no_secret():
    shown = repr(channels.parse([f"https://u:{SECRET}@a.example.org/{SECRET}?k={SECRET}"]))
    assert SECRET not in shown + repr(parse_one("mailto:ops@example.org", *SMTP))


REFUSED = [
    f"{SECRET}",
    f"//example.org/{SECRET}",
    f"https:///{SECRET}",
    f"https://[::1/{SECRET}",
    f"https://example.org:99999/{SECRET}",
    f"https://a..b/{SECRET}",
    f"https://example.org/ {SECRET}",
    f"https://example.org/\n{SECRET}",
    f"slack+https:{SECRET}",
    f"mailto:{SECRET}",
    f"mailto://{SECRET}@example.org",
    f"mailto:{SECRET}@example.org?subject=x",
    f"mailto:{SECRET}@example.org%0aBcc:a@example.org",
    f"mailto:a@example.org%20{SECRET}@example.org",
    f"mailto:größe-{SECRET}@example.org",
    f"htp://example.org/{SECRET}",
]


@pytest.mark.parametrize("address", REFUSED)
def test_a_refusal_is_one_line_that_names_the_position_alone(address):
    with pytest.raises(SettingsError) as refusal:
        channels.parse(["https://example.org", address], *SMTP)
    message = str(refusal.value)
    assert "ALERT_URLS: address 2 of 2" in message
    assert "\n" not in message
    assert SECRET not in message
    assert refusal.value.__suppress_context__


@given(st.text(max_size=30).map(lambda text: f"{text}{SECRET}"))
def test_whatever_stands_there_is_a_channel_or_refused_without_being_shown(address):
    try:
        (channel,) = channels.parse([address], *SMTP)
    except SettingsError as refusal:
        assert SECRET not in str(refusal)
    else:
        assert channel.target


@pytest.mark.parametrize("smtp", [(None, None), (SMTP[0], None), (None, SMTP[1])])
def test_mail_without_a_server_says_what_to_set(smtp):
    with pytest.raises(SettingsError, match="set SMTP_URL and MAIL_FROM"):
        parse_one("mailto:ops@example.org", *smtp)


def test_other_services_need_apprise():
    with pytest.raises(SettingsError, match="make apprise"):
        parse_one(f"tgram://{SECRET}/1")
