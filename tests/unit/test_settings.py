import os
import re
from pathlib import Path

import pytest

from common import ROOT
from common.errors import SettingsError
from common.settings import Settings
from common.settings_reader import as_text, from_text, load
from serving.settings import ServingSettings

SECRET = "t0ken-of-the-hook"

# For each setting: what is written, and what it becomes.
WRITTEN = {
    "mlflow_tracking_uri": ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    "mlflow_experiment_name": ("my runs", "my runs"),
    "model_name": ("tickets", "tickets"),
    "data_path": ("/srv/a.csv", Path("/srv/a.csv")),
    "monitor_data_path": ("/srv/b.csv", Path("/srv/b.csv")),
    "text_column": ("Message Text", "Message Text"),
    "target_column": ("mood", "mood"),
    "delimiter": ("tab", "\t"),
    "encoding": ("latin-1", "latin-1"),
    "header": ("id, text", ("id", "text")),
    "sheet": ("Tickets 2026", "Tickets 2026"),
    "field_characters": ("99", 99),
    "label_with": ("critical", "critical"),
    "labels_path": ("/srv/labels.csv", Path("/srv/labels.csv")),
    "critical_keywords": ("fire, flood ,two words", ("fire", "flood", "two words")),
    "normalise_labels": ("true", True),
    "model_family": ("other", "other"),
    "lexicon": ("/srv/words.csv", "/srv/words.csv"),
    "embeddings": ("/srv/words.vec", "/srv/words.vec"),
    "transformer": ("/srv/checkpoint", "/srv/checkpoint"),
    "class_weight": ("balanced", "balanced"),
    "holdout_percent": ("30", 30),
    "champion_threshold": ("-0.01", -0.01),
    "promote_significance": ("0.01", 0.01),
    "promote_rules": ("accuracy, recall", ("accuracy", "recall")),
    "contest_rows": ("200", 200),
    "auto_accuracy": ("0.95", 0.95),
    "auto_accuracy_by_class": ("critical:0.99, a:b:0.9", ("critical:0.99", "a:b:0.9")),
    "costs": ("/srv/costs.csv", Path("/srv/costs.csv")),
    "promotion": ("manual", "manual"),
    "segment_column": ("brand", "brand"),
    "reply_column": ("answers", "answers"),
    "time_column": ("written", "written"),
    "time_format": ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M"),
    "time_zone": ("Europe/Berlin", "Europe/Berlin"),
    "id_column": ("id", "id"),
    "window": ("2w", "2w"),
    "accuracy_floor": ("0.65", 0.65),
    "monitor_state": ("/srv/m.db", Path("/srv/m.db")),
    "remind_hours": ("12", 12.0),
    "burst_alerts": ("false", False),
    "label_days": ("3.5", 3.5),
    "heartbeat_url": ("http://a.example/x", None),
    "smtp_url": ("smtp://me:word@a.example:587", None),
    "source_url": ("postgresql://me:word@a.example/desk", None),
    "mail_from": ("me@a.example", "me@a.example"),
    "alert_urls": ("http://a.example/x, https://b.example/y", None),
    "draft_days": ("1.5", 1.5),
    "serve_labelled": ("/srv/labelled.csv", Path("/srv/labelled.csv")),
    "mask": ("true", True),
    "examples": ("0", 0),
    "log_days": ("30", 30.0),
    "report_days": ("0.5", 0.5),
    "seed": ("7", 7),
    "log_level": ("DEBUG", "DEBUG"),
}
UNUSABLE = [
    *(("accuracy_floor", value) for value in ("0", "1", "-0.1", "80", "nan", "inf", "x", "0,8")),
    *(("champion_threshold", value) for value in ("-1.01", "1.01", "nan", "inf", "-inf", "x")),
    *(("holdout_percent", value) for value in ("4", "51", "20.5", "20%", "nan")),
    *(("promote_significance", value) for value in ("0", "1.1", "nan", "x")),
    *(("promote_rules", value) for value in ("beauty", "all")),
    *(("delimiter", value) for value in ("||", "¦")),
    *(("encoding", value) for value in ("utf-99", "base64")),
    *(("field_characters", value) for value in ("0", "x")),
    *(("window", value) for value in ("day", "0d", "1m", "-5", "1.5")),
    *(
        (field, value)
        for field in ("remind_hours", "label_days", "log_days", "report_days")
        for value in ("0", "-1", "inf")
    ),
    *(("time_format", value) for value in ("dayfirst", "%q", "%d/%m", "%H:%M")),
    *(("time_zone", value) for value in ("Berlin", "europe/berlin", "CET+1", "x")),
    *(("contest_rows", value) for value in ("0", "-1", "x")),
    *(("auto_accuracy", value) for value in ("0", "1", "95", "x")),
    *(
        ("auto_accuracy_by_class", value)
        for value in ("critical", "critical:99", ":0.9", "a:0.9,a:0.5")
    ),
    ("promotion", "Manual"),
    *(("mask", value) for value in ("2", "x", "none")),
    *(("examples", value) for value in ("-1", "1001", "1.5", "all")),
    *(("seed", value) for value in ("-1", "2147483648", "1e400", "x")),
    *(("model_name", value) for value in ("a/b", "a:b", "a@b")),
    *(("label_with", value) for value in ("columns", "VADER")),
    *(("log_level", value) for value in ("VERBOSE", "INFO\nERROR")),
]


@pytest.fixture(autouse=True)
def _environment():
    before = dict(os.environ)
    for name in before:
        if name.lower() in Settings.model_fields:
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def read(tmp_path):
    """Load the settings with a `.env` of this text and these flags."""

    def read(text: str = "", **flags: str) -> Settings:
        dotenv = tmp_path / ".env"
        dotenv.write_text(text, encoding="utf-8")
        return load(flags, dotenv)

    return read


@pytest.fixture(params=["flag", "environment", ".env"])
def give(request, read, monkeypatch, tmp_path):
    """Load the settings with one value from one of the sources; what messages call the source."""

    def give(field: str, value: str) -> Settings:
        if request.param == "flag":
            return read(**{field: value})
        if request.param == "environment":
            monkeypatch.setenv(field.upper(), value)
            return read()
        quoted = value.replace("\n", "\\n")
        return read(f'{field.upper()}="{quoted}"\n')

    give.source = {
        "flag": lambda field: f"--{field.replace('_', '-')}",
        "environment": lambda field: "the environment",
        ".env": lambda field: str(tmp_path / ".env"),
    }[request.param]
    return give


def refusal(load_them, *args, **kwargs) -> str:
    with pytest.raises(SettingsError) as caught:
        load_them(*args, **kwargs)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_without_any_source_every_setting_has_its_default(read):
    assert read() == Settings.model_construct()


def test_a_missing_dotenv_is_no_error(tmp_path):
    assert load(dotenv=tmp_path / ".env").seed == 42


@pytest.mark.parametrize("field", Settings.model_fields)
def test_each_setting_can_be_given_in_each_source(give, field):
    written, expected = WRITTEN[field]
    value = getattr(give(field, written), field)
    if field == "alert_urls":
        assert [url.get_secret_value() for url in value] == written.split(", ")
    elif field in ("heartbeat_url", "smtp_url", "source_url"):
        assert value.get_secret_value() == written
        assert written not in repr(value)
    else:
        assert value == expected


@pytest.mark.parametrize(
    ("flag", "environment", "dotenv", "expected"),
    [
        ("0.1", "0.2", "0.3", 0.1),
        ("0.1", "0.2", None, 0.1),
        ("0.1", None, "0.3", 0.1),
        (None, "0.2", "0.3", 0.2),
        (None, None, "0.3", 0.3),
        (None, None, None, 0.8),
    ],
)
def test_a_flag_wins_over_the_environment_which_wins_over_dotenv(
    read, monkeypatch, flag, environment, dotenv, expected
):
    if environment:
        monkeypatch.setenv("ACCURACY_FLOOR", environment)
    flags = {"accuracy_floor": flag} if flag else {}
    text = f"ACCURACY_FLOOR={dotenv}" if dotenv else ""
    assert read(text, **flags).accuracy_floor == expected


def test_a_class_with_a_comma_in_its_name_is_quoted(read):
    expected = ("late, lost:0.99", "other:0.9")
    one, two = '"late, lost":0.99, other:0.9', '"late, lost:0.99",\n"other:0.9"'
    for written in (one, two):
        assert read(auto_accuracy_by_class=written).auto_accuracy_by_class == expected
        dotenv = f"AUTO_ACCURACY_BY_CLASS='{written}'"
        assert read(dotenv).auto_accuracy_by_class == expected


def test_a_name_in_small_letters_in_dotenv_is_refused(read):
    assert "did you mean ACCURACY_FLOOR?" in refusal(read, "accuracy_floor=0.3")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_an_empty_value_in_the_environment_or_dotenv_means_the_default(read, monkeypatch, field):
    default = Settings.model_fields[field].default
    assert getattr(read(f"{field.upper()}="), field) == default
    monkeypatch.setenv(field.upper(), "")
    assert getattr(read(), field) == default


@pytest.mark.parametrize("field", ["data_path", "monitor_data_path"])
def test_a_relative_path_starts_at_the_root_but_in_a_flag_at_the_current_folder(
    read, monkeypatch, tmp_path, field
):
    monkeypatch.chdir(tmp_path)
    assert getattr(read(f"{field.upper()}=data/a.csv"), field) == ROOT / "data/a.csv"
    monkeypatch.setenv(field.upper(), "data/b.csv")
    assert getattr(read(), field) == ROOT / "data/b.csv"
    assert getattr(read(**{field: "data/c.csv"}), field) == tmp_path / "data/c.csv"


@pytest.mark.parametrize("start", ["sqlite", "sqlite+pysqlite", "SQLite"])
def test_a_database_that_is_a_file_is_found_from_the_root(read, monkeypatch, tmp_path, start):
    monkeypatch.chdir(tmp_path)

    def address(written):
        monkeypatch.setenv("SOURCE_URL", written)
        return read().plain("source_url")

    assert address(f"{start}:///a/desk.db?x=1") == f"{start}:///{ROOT}/a/desk.db?x=1"
    for other in (f"{start}:////srv/desk.db", f"{start}:///:memory:", f"{start}://"):
        assert address(other) == other
    assert address("postgresql:///desk") == "postgresql:///desk"


def test_a_tilde_is_the_home_folder_in_each_source(give, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert give("data_path", "~/a.csv").data_path == tmp_path / "a.csv"


def test_the_home_of_a_user_who_is_not_there_is_refused_in_one_line(give):
    assert "DATA_PATH" in refusal(give, "data_path", "~no-such-user-here/a.csv")


@pytest.mark.parametrize(("field", "value"), UNUSABLE)
def test_a_value_that_is_not_usable_is_named_with_source_and_what_is_allowed(give, field, value):
    message = refusal(give, field, value)
    assert message.startswith(f"{field.upper()} (from {give.source(field)}): ")
    assert repr(value) in message
    assert str(Settings.model_fields[field].description) in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("holdout_percent", "5"),
        ("holdout_percent", "50"),
        ("champion_threshold", "-1"),
        ("champion_threshold", "0"),
        ("champion_threshold", "1"),
        ("accuracy_floor", "0.000001"),
        ("accuracy_floor", "0.999999"),
        ("seed", "0"),
        ("seed", "2147483647"),
    ],
)
def test_the_ends_of_a_range_are_allowed(read, field, value):
    assert getattr(read(**{field: value}), field) == float(value)


@pytest.mark.parametrize("field", ["text_column", "target_column", "mlflow_experiment_name"])
def test_an_empty_name_in_a_flag_is_refused(read, field):
    assert field.upper() in refusal(read, **{field: ""})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ACURACY_FLOOR", "ACCURACY_FLOOR"),
        ("accuracy_flor", "ACCURACY_FLOOR"),
        ("ALERT_URL", "ALERT_URLS"),
        ("HOLDOUT_PERCENTAGE", "HOLDOUT_PERCENT"),
        ("export DATAPATH", "DATA_PATH"),
    ],
)
def test_a_misspelt_name_in_dotenv_is_refused_with_what_was_meant(read, tmp_path, written, meant):
    message = refusal(read, f"SEED=1\n{written}=x\n")
    assert message.endswith(f"did you mean {meant}?")
    assert str(tmp_path / ".env") in message


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ACCESS_KEY_ID",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_AUTH",
        "MLFLOW_TRACKING_INSECURE_TLS",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_S3_ENDPOINT_URL",
        "HTTPS_PROXY",
    ],
)
def test_a_key_of_others_in_dotenv_reaches_the_environment(read, monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    read(f"{name}=made-up")
    assert os.environ[name] == "made-up"


def test_a_key_of_others_in_dotenv_replaces_nothing(read, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-shell")
    read("AWS_ACCESS_KEY_ID=from-dotenv")
    assert os.environ["AWS_ACCESS_KEY_ID"] == "from-the-shell"


def test_an_unknown_name_in_the_environment_is_not_ours(read, monkeypatch):
    monkeypatch.setenv("ACURACY_FLOOR", "x")
    assert read().accuracy_floor == 0.8


def test_a_dotenv_that_is_no_utf8_is_refused_in_one_line(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_bytes("MODEL_NAME=größe".encode("latin-1"))
    assert str(dotenv) in refusal(load, dotenv=dotenv)


@pytest.mark.parametrize(
    "line", ["SEED", "export SEED", "MODEL NAME=x", "=5", "KEY='s3", "KEY=s\0"]
)
def test_a_line_of_dotenv_that_sets_nothing_is_named_but_not_shown(read, tmp_path, line):
    message = refusal(read, f"# comment\n\n  \n{line}\nSEED=1\n")
    assert message.startswith(f"{tmp_path / '.env'}, line 4: ")
    assert line not in message


def test_a_folder_named_dotenv_is_no_dotenv(tmp_path):
    (tmp_path / ".env").mkdir()
    assert load(dotenv=tmp_path / ".env") == Settings.model_construct()


@pytest.mark.parametrize("written", ["fire,flood,", ",fire,flood", "fire, ,flood", "fire,,flood"])
def test_a_comma_too_many_makes_no_empty_keyword(read, written):
    assert read(critical_keywords=written).critical_keywords == ("fire", "flood")


@pytest.mark.parametrize("written", [",", " , "])
def test_keywords_without_a_word_are_refused(read, written):
    assert "CRITICAL_KEYWORDS" in refusal(read, critical_keywords=written)


def test_a_comma_too_many_makes_no_empty_alert_address(read):
    assert len(read(alert_urls="http://a.example/x, ,https://b.example/y,").alert_urls) == 2


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://hooks.example/{SECRET}",
        f"hooks.example/{SECRET}",
        f"{SECRET}",
        f"http:///{SECRET}",
        f"http://?{SECRET}",
        f"http://:80/{SECRET}",
        f"http://ann:{SECRET}@/hook",
        f"http://[::1/{SECRET}",
        f"file:///etc/{SECRET}",
    ],
)
def test_a_heartbeat_without_http_or_host_is_refused_but_not_shown(read, url):
    message = refusal(read, heartbeat_url=url)
    assert "HEARTBEAT_URL" in message
    assert SECRET not in message


@pytest.mark.parametrize("show", [repr, str, Settings.model_dump_json], ids=["repr", "str", "json"])
def test_settings_do_not_show_an_alert_address(read, show):
    assert "hooks.example" not in show(read(f"ALERT_URLS=https://hooks.example/{SECRET}"))


EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SHOWN = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE)


def test_the_example_lists_every_setting_and_nothing_else():
    assert {name.lower() for name, _ in SHOWN} == set(ServingSettings.model_fields)


@pytest.mark.parametrize(("name", "value"), SHOWN)
def test_each_value_the_example_shows_is_the_default(tmp_path, name, value):
    field, dotenv = name.lower(), tmp_path / ".env"
    dotenv.write_text(f"{name}={value}")
    default = ServingSettings.model_fields[field].default
    shown = getattr(load({}, dotenv, ServingSettings), field)
    assert shown == (ROOT / default if isinstance(default, Path) else default)


def test_the_example_as_it_is_changes_nothing(read):
    assert read(EXAMPLE) == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("SERVE_PORT", value) for value in ("-1", "65536", "http")),
        *(("SERVE_POLL", value) for value in ("0", "-1", "nan", "inf", "3601")),
        *(("SERVE_CAPTURE", value) for value in ("on", "TEXT")),
        *(("SERVE_CAPTURE_SHARE", value) for value in ("0", "1.1")),
        *(("SERVE_RATE", value) for value in ("0", "-2", "many")),
        *((name, "0") for name in ("SERVE_MESSAGES", "SERVE_WAITING", "SERVE_SECONDS")),
    ],
)
def test_an_unusable_setting_of_the_server_is_refused_in_one_line(tmp_path, name, value):
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{name}={value}")
    message = refusal(load, {}, dotenv, ServingSettings)
    assert name in message


def test_a_misspelt_setting_of_the_server_is_told(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("SERVE_TOKEN=t.txt")
    assert "did you mean SERVE_TOKENS?" in refusal(load, {}, dotenv, ServingSettings)


def test_no_rule_is_written_as_none(read):
    assert read("PROMOTE_RULES=none").promote_rules == ()


def test_settings_are_found_again_in_their_texts(read):
    then = read("SEED=7\nCRITICAL_KEYWORDS=fire,flood\nTARGET_COLUMN=x")
    names = ("seed", "critical_keywords", "target_column", "segment_column")
    values = {name: getattr(then, name) for name in names}
    assert from_text({name: as_text(value) for name, value in values.items()}) == values


def test_the_name_of_a_file_that_is_not_text_becomes_text():
    assert as_text(Path("/größe/" + os.fsdecode(b"\xe9.csv"))) == r"/größe/\udce9.csv"


def test_logged_settings_are_read_alone_whatever_the_environment_holds(monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "nonsense")
    monkeypatch.setenv("TEXT_COLUMN", "other")
    assert from_text({"text_column": "t", "segment_column": "None"}) == {
        "text_column": "t",
        "segment_column": None,
    }
    with pytest.raises(SettingsError, match="HOLDOUT_PERCENT"):
        from_text({"holdout_percent": "99"})
