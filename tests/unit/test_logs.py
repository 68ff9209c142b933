import io
import logging
import os
import re
import time
import unicodedata
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common import logs
from common.text import credentials, escape, redact

PASSWORD = "hunter22"
# What starts a line, moves a cursor or turns the order of what is shown.
FORGING = (
    "\n\r\t\x00\x07\x08\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x85\x9b\u2028\u2029\u202a\u202e\u2066\u2069"
)
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
messages = st.text(st.one_of(st.sampled_from(FORGING), st.characters(exclude_categories=["Cs"])))


@pytest.fixture(autouse=True)
def _logging(monkeypatch, tmp_path):
    root = logging.getLogger()
    before = root.level
    monkeypatch.setattr(logs, "FOLDER", tmp_path / "logs")
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logging.captureWarnings(False)
    yield
    logging.captureWarnings(False)
    root.setLevel(before)


def log(write, run="3f9c2a1b"):
    """What stands in the log file after `write(logger)`."""
    with logs.logging_to("demo", run) as logger:
        write(logger)
    return (logs.FOLDER / "demo.log").read_bytes().decode()


def line(message, *args, secrets=(), tracebacks=True, exc_info=None):
    record = logging.LogRecord("demo", logging.INFO, "demo.py", 1, message, args, exc_info)
    pattern = "%(asctime)s %(levelname)s 3f9c2a1b %(message)s"
    return logs.LineFormatter(pattern, secrets, tracebacks).format(record)


def raised(message):
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        return type(error), error, error.__traceback__


def test_masked_contacts_of_people_stay_out_of_lines_and_tracebacks_but_servers_are_named():
    def write(logger):
        logs.mask_contacts()
        logger.info("ann@example.org of http://mlflow.example:5000/x, @ann")
        logger.error("failed", exc_info=raised("cell '+44 20 7946 0958' is no number"))

    written = log(write)
    assert "[mail] of http://mlflow.example:5000/x, @ann" in written
    assert "cell '[phone]' is no number" in written
    assert "ann@example.org" in log(lambda logger: logger.info("ann@example.org"))


def test_lines_beyond_their_days_go_with_their_tracebacks_and_nothing_else():
    def stamp(days):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86_400))

    logs.FOLDER.mkdir()
    old = f"{stamp(40)} ERROR 1 old\n    | its traceback\n"
    new = f"{stamp(20)} INFO 2 new\n    | its traceback\n"
    path = logs.FOLDER / "demo.log"
    path.write_text(old + new)
    (logs.FOLDER / "demo.log.1").write_text(old)
    others = [logs.FOLDER / name for name in ("other.log", "demo.log.old", "demo.log.9", "notes")]
    for other in others:
        other.write_text(old)
    with path.open("a") as running:
        logs.remove_older("demo", 30)
        running.write(new)
    assert path.read_text() == new + new
    assert not (logs.FOLDER / "demo.log.1").exists()
    assert [other.read_text() for other in others] == [old] * len(others)
    logs.remove_older("demo", 1e300)
    assert path.read_text() == new + new


def test_a_log_is_cut_at_most_once_a_day():
    logs.FOLDER.mkdir()
    path = logs.FOLDER / "demo.log"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30.5 * 86_400))
    path.write_text(f"{stamp} INFO 1 just too old\n")
    logs.remove_older("demo", 30)
    assert path.stat().st_size


def is_forging(character):
    return (
        unicodedata.category(character) in ("Cc", "Zl", "Zp")
        or unicodedata.bidirectional(character) in TURNING
    )


@given(messages)
@example("done\n2026-01-31T06:00:00Z INFO 3f9c2a1b forged")
@settings(max_examples=100)
def test_any_message_is_one_line_without_a_character_that_could_forge_another(text):
    for shown in (line(text.replace("%", "%%")), line("%s", text)):
        assert len(shown.splitlines()) == 1
        assert not any(map(is_forging, shown))


@given(messages)
@settings(max_examples=50)
def test_each_line_of_a_traceback_is_marked_as_one(text):
    _first, *rest = line("failed", exc_info=raised(text)).splitlines()
    assert rest
    assert all(shown.startswith("    | ") for shown in rest)
    assert not any(map(is_forging, "".join(rest)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\u2028b", r"a\u2028b"),
        ("exe\u202egpj.x", r"exe\u202egpj.x"),
        ("größe 👍 日本", "größe 👍 日本"),
    ],
)
def test_control_characters_become_visible_and_others_stay(text, shown):
    assert escape(text) == shown


def test_a_line_break_in_a_message_cannot_forge_a_log_line():
    text = log(lambda logger: logger.info("%s", "x\n2026-01-31T06:00:00Z INFO 3f9c2a1b forged"))
    assert text.count("\n") == 1


def test_bytes_that_are_no_text_do_not_cost_the_log_file_a_line():
    name = os.fsdecode(b"bad\xff.csv")
    assert "bad" in log(lambda logger: logger.error("%s does not exist.", name))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"https://ann:{PASSWORD}@host/x", "https://***@host/x"),
        (f"https://{PASSWORD}@host/x", "https://***@host/x"),
        (f"https://ann:hun@{PASSWORD}@host/x", "https://***@host/x"),
        (f"postgresql+psycopg://ann:{PASSWORD}@db:5432/x", "postgresql+psycopg://***@db:5432/x"),
        (f"https://host/x?token={PASSWORD}", "https://host/x?token=***"),
        (f"https://host/x?a=1&access_token={PASSWORD}&b=2", "https://host/x?a=1&access_token=***&b=2"),
        (f"https://host/x?api_key={PASSWORD}", "https://host/x?api_key=***"),
        (f"https://host/x?X-Amz-Signature={PASSWORD}", "https://host/x?X-Amz-Signature=***"),
        (f"https://host/x?PASSWORD={PASSWORD}", "https://host/x?PASSWORD=***"),
        (
            f"http://a:{PASSWORD}@x/ and http://b:{PASSWORD}@y/",
            "http://***@x/ and http://***@y/",
        ),
    ],
)  # fmt: skip
def test_passwords_and_tokens_of_addresses_are_hidden(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "write to ann@help.example",
        "see https://docs.example/x?page=2#part",
        "@ann thanks: 3/4 done",
        "https://host/@ann/status?lang=en",
    ],
)
def test_what_is_no_secret_is_shown(text):
    assert redact(text) == text


@given(messages, st.from_regex(r"[A-Za-z0-9]{4,20}", fullmatch=True), messages)
@settings(max_examples=100)
def test_a_given_secret_is_hidden_wherever_it_stands(before, secret, after):
    assert secret not in redact(before + secret + after, [secret])


def test_a_secret_that_starts_like_another_leaves_no_rest_of_it():
    assert redact("abcd1234", ["abcd", "abcd1234"]) == "***"


@pytest.mark.parametrize("message", [f"https://ann:{PASSWORD}@host", f"sent {PASSWORD}"])
def test_a_secret_is_hidden_in_tracebacks_too(message):
    shown = line("failed: %s", message, secrets=[PASSWORD], exc_info=raised(message))
    assert "RuntimeError" in shown
    assert PASSWORD not in shown


def test_a_traceback_that_another_handler_has_formatted_before_is_redacted_too():
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), raised(PASSWORD))
    logging.Formatter().format(record)
    shown = logs.LineFormatter("%(message)s", [PASSWORD]).format(record)
    assert "RuntimeError" in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize("kind", [list, iter])
def test_what_is_hidden_later_reaches_neither_file_nor_console(capsys, kind):
    def write(logger):
        logs.hide(kind([PASSWORD, ""]))
        logger.error("sent to %s", PASSWORD)

    assert log(write).endswith(" sent to ***\n")
    assert capsys.readouterr().err == "sent to ***\n"


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"]
)
def test_credentials_of_the_environment_reach_neither_file_nor_console(capsys, monkeypatch, name):
    monkeypatch.setenv(name, PASSWORD)
    text = log(lambda logger: logger.error("refused %s", PASSWORD))
    assert PASSWORD not in text + capsys.readouterr().err


def test_a_line_has_the_time_in_utc_the_level_and_the_run():
    text = log(lambda logger: logger.warning("Scored %d messages", 1000), run="0badcafe")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING 0badcafe Scored 1000 messages\n", text
    )


def test_the_time_is_utc_wherever_the_machine_stands(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        record = logging.makeLogRecord({"msg": "x", "created": 86_399.0})
        shown = logs.LineFormatter("%(asctime)s").format(record)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert shown == "1970-01-01T23:59:59Z"


def test_the_console_has_messages_alone_and_no_traceback(capsys):
    def write(logger):
        logger.info("Reading.")
        logger.error("failed", exc_info=raised("why"))

    assert "    | RuntimeError: why" in log(write)
    assert capsys.readouterr().err == "Reading.\nfailed\n"


def test_a_record_for_the_file_alone_is_not_on_the_console(capsys):
    assert "details" in log(lambda logger: logger.info("details", extra=logs.FILE_ONLY))
    assert not capsys.readouterr().err


def test_warnings_of_libraries_go_to_the_file_and_not_to_the_console(capsys):
    assert "deprecated thing" in log(lambda _: warnings.warn("deprecated thing", stacklevel=1))
    assert not capsys.readouterr().err


def test_a_full_log_file_is_rotated_and_the_oldest_is_dropped(monkeypatch):
    monkeypatch.setattr(logs, "MAX_BYTES", 300)
    monkeypatch.setattr(logs, "BACKUPS", 2)
    newest = log(lambda logger: [logger.info("message %02d", i) for i in range(50)])
    files = {path.name: path for path in logs.FOLDER.iterdir()}
    assert set(files) == {"demo.log", "demo.log.1", "demo.log.2"}
    assert all(path.stat().st_size <= 300 for path in files.values())
    assert newest.endswith("message 49\n")
    assert "message 00" not in "".join(path.read_text() for path in files.values())


def test_runs_add_to_the_same_file():
    log(lambda logger: logger.info("one"), run="11111111")
    text = log(lambda logger: logger.info("two"), run="22222222")
    assert [shown.split()[2] for shown in text.splitlines()] == ["11111111", "22222222"]


@pytest.fixture
def earlier_handler():
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("failure", [None, ValueError])
def test_the_handlers_of_before_are_back_when_the_block_ends(earlier_handler, failure):
    before = list(logging.getLogger().handlers)
    try:
        with logs.logging_to("demo", "3f9c2a1b") as logger:
            assert earlier_handler not in logger.handlers
            if failure:
                raise failure
    except ValueError:
        pass
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize(
    "state",
    [
        lambda: logging.getLogger().level,
        lambda: logging.raiseExceptions,
        lambda: warnings.showwarning,
    ],
    ids=["level", "raiseExceptions", "showwarning"],
)
def test_logging_is_as_before_when_the_block_ends(state):
    logging.getLogger().setLevel(logging.ERROR)
    before = state()
    with logs.logging_to("demo", "3f9c2a1b"):
        pass
    assert state() == before


@pytest.fixture(params=["the folder is a file", "the log is a folder", "no parent", "no rights"])
def unwritable(request, monkeypatch):
    if request.param == "the folder is a file":
        logs.FOLDER.write_text("")
    elif request.param == "the log is a folder":
        (logs.FOLDER / "demo.log").mkdir(parents=True)
    elif request.param == "no parent":
        monkeypatch.setattr(logs, "FOLDER", logs.FOLDER / "missing" / "logs")
    elif os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    else:
        logs.FOLDER.mkdir(mode=0o500)


def test_without_a_log_file_the_console_says_so_and_keeps_going(unwritable, capsys):
    with logs.logging_to("demo", "3f9c2a1b") as logger:
        logger.info("Still here.")
    warning, message = capsys.readouterr().err.splitlines()
    assert str(logs.FOLDER) in warning
    assert message == "Still here."


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://ann:pw@host:5000", ["ann:pw", "pw"]),
        ("http://ann:hun/ter 2@host", ["ann:hun/ter 2", "hun/ter 2"]),
        ("ann:pw@host", ["ann:pw", "pw"]),
        ("http://host", []),
    ],
)
def test_credentials_of_an_address_are_found_whatever_signs_they_hold(uri, expected):
    assert credentials(uri) == expected


def test_a_long_message_is_cut_after_its_secrets_are_hidden():
    long = (
        "a" * (logs.LINE_CHARACTERS - 20)
        + f" https://ann:{PASSWORD}"
        + "b" * 500
        + "@host"
        + "c" * 9999
    )
    shown = line("%s", long)
    assert PASSWORD not in shown
    assert "https://***@h" in shown
    assert shown.endswith(" characters)")
    assert len(shown) < logs.LINE_CHARACTERS + 100


def test_a_long_traceback_is_cut():
    shown = line("failed", exc_info=raised("many words " * 100_000))
    assert logs.TRACEBACK_CHARACTERS < len(shown) < 2 * logs.TRACEBACK_CHARACTERS
