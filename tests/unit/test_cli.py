import functools
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from common import ROOT, cli, flags, logs
from common.errors import InputError, MissingColumn, ModelUnavailable, SettingsError, StoreError
from common.settings import Settings
from common.settings_reader import load

SECRET = "t0ken-of-the-hook"


@pytest.fixture(autouse=True)
def dotenv(monkeypatch, tmp_path):
    """A `.env` that can be written, and an environment and logging of the test's own."""
    before, level = dict(os.environ), logging.getLogger().level
    for name in before:
        if name.lower() in Settings.model_fields:
            del os.environ[name]
    path = tmp_path / ".env"
    monkeypatch.setattr(cli, "load", functools.partial(load, dotenv=path))
    monkeypatch.setattr(logs, "FOLDER", tmp_path / "logs")
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logging.captureWarnings(False)
    yield path
    logging.captureWarnings(False)
    logging.getLogger().setLevel(level)
    os.environ.clear()
    os.environ.update(before)


def run(main, *argv, **options):
    parser = flags.build_parser(
        "Do a thing.\n\nAnd more about it: 100 %.",
        "demo.py",
        settings=["data_path", "accuracy_floor", "holdout_percent", "alert_urls", "log_level"],
    )
    parser.add_argument("--count", type=flags.positive_int, default=1)
    return cli.run("demo", parser, main, list(argv), **options)


def nothing(args, settings):
    return 0


def raising(error):
    def main(args, settings):
        raise error

    return main


def log_file():
    return (logs.FOLDER / "demo.log").read_text(encoding="utf-8")


ERRORS = [
    (SettingsError("floor and ceiling exclude each other."), 2),
    (InputError("a.csv does not exist."), 3),
    (MissingColumn(Path("a.csv"), "text", ["id"], "TEXT_COLUMN"), 3),
    (StoreError("http://127.0.0.1:5000 does not answer."), 4),
    (ModelUnavailable("there is no champion."), 4),
    (RuntimeError("what is this"), 1),
    (MemoryError(), 1),
    (OSError(5, "Input/output error"), 1),
]


FULL = [
    OSError(28, "No space left on device"),
    OSError(28, "No space left on device", "/data/out.csv"),
    FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"),
]


@pytest.mark.parametrize("error", FULL)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_is_a_failure_of_a_file_whoever_meets_it(capsys, error, wrapped):
    def main(args, settings):
        try:
            raise error
        except OSError as cause:
            if wrapped:
                raise RuntimeError("the store failed") from cause
            raise

    assert run(main) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("demo: error: cannot write ")
    assert "no space left" in line.casefold()
    assert ("/data/out.csv" if error.filename else "/") in line


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_what_main_returns_is_the_exit_code(code):
    assert run(lambda args, settings: code) == code


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_kind_of_error_has_its_exit_code_and_one_line_on_stderr(capsys, error, code):
    assert run(raising(error)) == code
    out, err = capsys.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert line.startswith("demo: error: ")
    assert str(error) in line


@pytest.mark.parametrize("error", [error for error, _ in ERRORS], ids=lambda e: type(e).__name__)
def test_a_script_with_an_exit_code_for_failures_ends_with_it_whatever_fails(capsys, error):
    assert run(raising(error), failure_exit=3, failure_word="UNKNOWN") == 3
    assert capsys.readouterr().err.startswith("demo: UNKNOWN: ")


@pytest.mark.parametrize(
    "argv",
    [
        ["--nope"],
        ["extra"],
        ["--count", "0"],
        ["--count"],
        ["--floor", "2"],
        ["--accuracy-flo", "0.5"],
        ["--no\npe"],
    ],
    ids=repr,
)
@pytest.mark.parametrize(("options", "code"), [({}, 2), ({"failure_exit": 3}, 3)])
def test_wrong_usage_is_one_line_and_main_is_not_called(capsys, argv, options, code):
    assert run(raising(AssertionError("called")), *argv, **options) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("demo: error: ")
    assert "AssertionError" not in line


def test_wrong_usage_says_where_help_is(capsys):
    run(nothing, "--nope")
    assert "--nope" in (err := capsys.readouterr().err)
    assert "python demo.py --help" in err


def test_the_traceback_of_an_unforeseen_error_is_in_the_log_file_alone(capsys):
    run(raising(RuntimeError("what is\nthis")))
    err = capsys.readouterr().err
    assert "RuntimeError" in err
    assert r"what is\nthis" in err
    assert str(logs.FOLDER / "demo.log") in err
    assert "Traceback" not in err
    assert "    | Traceback (most recent call last):" in log_file()
    assert "in main" in log_file()


@pytest.mark.parametrize("error", [error for error, _ in ERRORS[:5]], ids=lambda e: str(e)[:10])
def test_an_expected_error_has_no_traceback_in_the_log_file(error):
    run(raising(error))
    assert len(log_file().splitlines()) == 1


def test_ctrl_c_ends_with_130_and_one_line(capsys):
    assert run(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "demo: interrupted by SIGINT.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_main_and_ends_with_128_and_its_number(capsys, number):
    unwound = []

    def main(args, settings):
        try:
            with suppress(Exception):
                os.kill(os.getpid(), number)
            return 0
        finally:
            unwound.append(True)

    assert run(main) == 128 + number
    assert unwound
    assert capsys.readouterr().err == f"demo: interrupted by {number.name}.\n"


@pytest.mark.parametrize("kind", [InputError, RuntimeError])
def test_a_signal_while_an_error_is_told_is_one_line(capsys, kind):
    class Slow(kind):
        def __str__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            return "slow"

    assert run(raising(Slow())) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "demo: interrupted by SIGTERM.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_handled_as_before_when_the_script_is_done(number):
    before = signal.getsignal(number)
    run(raising(RuntimeError()))
    assert signal.getsignal(number) == before


def test_json_is_exactly_one_line_on_stdout(capsys):
    data = {"text": "größe\n👍", "rows": 3}

    def main(args, settings):
        cli.show("for people\nin lines", data, args.json)
        return 0

    assert run(main, "--json") == 0
    out, err = capsys.readouterr()
    assert not err
    (line,) = out.splitlines()
    assert json.loads(line) == data


def test_without_json_stdout_has_the_text_for_people(capsys):
    cli.show("for people\nin lines", {}, False)
    assert capsys.readouterr().out == "for people\nin lines\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_name_that_is_no_text_can_be_shown(capsys, as_json):
    name = os.fsdecode(b"bad\xff.csv")
    cli.show(name, {"file": name}, as_json)
    assert "bad" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_json_whatever_a_terminal_can_show(monkeypatch, encoding):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stdout)
    data = {"größe": "👍", "file": os.fsdecode(b"bad\xff.csv")}
    cli.show("", data, True)
    assert json.loads(stdout.buffer.getvalue().decode(encoding)) == data


@pytest.mark.parametrize(
    ("argv", "floor"), [(["--floor", "0.9"], 0.9), (["--accuracy-floor=0.7"], 0.7), ([], 0.8)]
)
def test_a_setting_flag_reaches_the_settings(argv, floor):
    seen = []

    def main(args, settings):
        seen.append(settings.accuracy_floor)
        return 0

    assert run(main, *argv) == 0
    assert seen == [floor]


def test_a_path_in_a_flag_starts_at_the_current_folder(monkeypatch, tmp_path):
    seen = []

    def main(args, settings):
        seen.append(settings.data_path)
        return 0

    monkeypatch.chdir(tmp_path)
    run(main, "--data", "a.csv")
    assert seen == [tmp_path / "a.csv"]


def test_the_log_level_decides_what_is_said(capsys):
    def main(args, settings):
        logging.getLogger("demo").info("quiet")
        logging.getLogger("demo").error("loud")
        return 0

    run(main, "--log-level", "ERROR")
    assert capsys.readouterr().err == "loud\n"


def test_an_alert_address_and_a_password_from_dotenv_are_never_shown(capsys, dotenv):
    dotenv.write_text(
        f"ALERT_URLS=https://hooks.example/{SECRET}\nMLFLOW_TRACKING_PASSWORD=made-up-word\n"
    )
    run(raising(RuntimeError(f"no https://hooks.example/{SECRET} with made-up-word")))
    shown = capsys.readouterr().err + log_file()
    assert "RuntimeError: no *** with ***" in shown
    assert SECRET not in shown
    assert "made-up-word" not in shown


def test_help_shows_the_docstring_and_each_flag_with_its_default(capsys):
    with pytest.raises(SystemExit) as caught:
        run(nothing, "--help")
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert "Do a thing." in out
    assert "And more about it: 100 %." in out
    for shown in ("--data", "--data-path", "--floor", "--holdout-percent", "[0.8]", "[20]"):
        assert shown in out


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e3", "x", "", "nan", "9" * 5000])
def test_what_is_no_count_is_refused_with_what_is_allowed(capsys, text):
    assert run(nothing, f"--count={text}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--count" in line
    assert "at least 1" in line


@pytest.fixture
def clock(monkeypatch):
    """Let `cli` see these seconds, one at each look."""

    def set_seconds(*seconds):
        monkeypatch.setattr(cli, "time", SimpleNamespace(monotonic=iter(seconds).__next__))

    return set_seconds


@pytest.mark.parametrize("total", [None, 0, 300])
def test_short_work_without_a_terminal_makes_no_progress_lines(capsys, clock, total):
    clock(0, 3, 6, 9)

    def main(args, settings):
        with cli.progress("a.csv", "B", total) as advance:
            for _ in range(3):
                advance(100)
        return 0

    run(main)
    assert capsys.readouterr() == ("", "")


def test_long_work_without_a_terminal_speaks_every_ten_seconds(capsys, clock):
    clock(0, 5, 10, 15, 21)

    def main(args, settings):
        with cli.progress("a.csv", "B", 400) as advance:
            for _ in range(4):
                advance(100)
        return 0

    run(main)
    first, second = capsys.readouterr().err.splitlines()
    assert re.match(r"a\.csv: 200 ?.* of 400 ?B.* about 10 s left", first)
    assert second.startswith("a.csv: 400")


def test_less_than_one_unit_a_second_is_not_called_none(capsys, clock):
    clock(0, 20)

    def main(args, settings):
        with cli.progress("Fitting", "steps", 9) as advance:
            advance(2)
        return 0

    run(main)
    assert capsys.readouterr().err == "Fitting: 2 of 9 steps, about 70 s left\n"


@pytest.mark.parametrize("total", [None, 0, 300])
def test_progress_of_nothing_yet_is_no_error(clock, total):
    clock(0, 11)
    with cli.progress("a.csv", "B", total) as advance:
        advance(0)


SCRIPT = """
import sys
from pathlib import Path
from common import cli, flags, logs

def main(args, settings):
    sys.stdin.read()
    cli.show(sys.argv[2] if len(sys.argv) > 2 else "the result", {}, False)
    return 0

logs.FOLDER = Path(sys.argv[1])
sys.exit(cli.run("demo", flags.build_parser("Do.", "demo.py", []), main, [], failure_exit=3))
"""


@pytest.fixture
def start_script(tmp_path):
    def start(stdout, result="the result"):
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, tmp_path / "logs", result],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_a_reader_of_stdout_who_has_left_is_no_error(start_script):
    with start_script(subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("result", ["the result", "a line\n" * 9_999], ids=["short", "long"])
def test_a_full_disk_under_stdout_is_one_line_and_a_failure(start_script, result):
    with Path("/dev/full").open("w") as full, start_script(full, result) as process:
        _, err = process.communicate()
    assert len(err.splitlines()) == 1, err
    assert "no space left" in err.casefold()
    assert "stdout" in err
    assert process.returncode == 3


def test_a_full_disk_under_the_log_is_said_once_and_breaks_nothing(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "demo.log").symlink_to("/dev/full")
    script = SCRIPT.replace("sys.stdin.read()", "[logging.info('line %d', n) for n in range(9)]")
    done = subprocess.run(
        [sys.executable, "-c", script.replace("import sys", "import logging, sys", 1), folder, "R"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "R\n"
    said = [line for line in done.stderr.splitlines() if not line.startswith("line ")]
    assert len(said) == 1, done.stderr
    assert "demo.log" in said[0]
    assert "No space left" in said[0]


STUBBORN = """
import signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from common import cli, flags, logs

def main(args, settings):
    print("x" * 200)
    ThreadPoolExecutor(1).submit(time.sleep, 60)  # as a download from a store that drips
    try:
        print("started", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        time.sleep(TIDYING)

logs.FOLDER = Path(sys.argv[1])
cli.leave(cli.run("demo", flags.build_parser("Do.", "demo.py", []), main, []))
"""


@pytest.fixture
def stubborn(tmp_path):
    def start(tidying):
        process = subprocess.Popen(
            [sys.executable, "-c", STUBBORN.replace("TIDYING", str(tidying)), tmp_path / "logs"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr.readline() == "started\n"
        return process

    return start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 3])
def test_a_signal_ends_a_script_soon_whatever_its_threads_wait_for(stubborn, number, times):
    process = stubborn(tidying=0.5)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.1)
    _, err = process.communicate(timeout=10)
    assert err == f"demo: interrupted by {number.name}.\n"
    assert process.returncode == 128 + number


def test_a_second_signal_some_seconds_later_ends_a_script_at_once(stubborn):
    process = stubborn(tidying=60)
    process.send_signal(signal.SIGTERM)
    time.sleep(cli.SECONDS_TO_LEAVE + 0.5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=5)
    assert err == "demo: interrupted by SIGTERM.\n"
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("argv", "code"), [([], 0), (["--nope"], 3)])
def test_a_stream_that_the_caller_closed_takes_what_is_written(tmp_path, closed, argv, code):
    script = SCRIPT.replace("sys.stdin.read()", "").replace("main, []", "main, sys.argv[2:]")
    script = script.replace("sys.argv[2] if len(sys.argv) > 2 else ", "")
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    done = subprocess.run(
        [*shell, sys.executable, "-c", script, tmp_path, *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    log = (tmp_path / "demo.log").read_text()
    assert done.returncode == code
    assert "unforeseen" not in log
    assert ("the result" in log) == (code == 0)
    assert len(done.stderr.splitlines()) == (code and "2>&-" not in closed)


def test_a_signal_whose_exception_python_drops_ends_the_script_at_the_next_step(
    monkeypatch,
):
    class Careless:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def main(args, settings):
        with cli.progress("Scoring", "rows") as advance:
            Careless()
            advance(1)
        return 0

    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: dropped.append(found.exc_type))
    assert run(main) == 128 + signal.SIGTERM
    assert dropped == [cli.Interrupted]
