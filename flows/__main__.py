"""Run train.py, predict.py and monitor.py on a schedule, with Prefect, until interrupted.

Three flows: `daily` (fetch, predict, monitor), `retrain` (fetch, train), `pipeline` (all four, by
hand). `retrain` also runs when the monitor finds that accuracy has become CRITICAL. Prefect's
pages show each run with its figures, log and links; PREFECT_API_URL names its server, otherwise one
is started at http://127.0.0.1:4200. A single flag needs an equals sign: --train=--dry-run.

    python -m flows
    python -m flows --predict "new/ -o scored/" --monitor "--data labelled.csv"
    python -m flows --daily "30 6 * * 1-5" --retrain "0 3 1 * *" --time-zone Europe/Berlin
    python -m flows --fetch "rsync -a archive.example.org:tickets/ new/" --predict "new/ -o scored/"
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import signal
import sys
from collections.abc import Sequence

ADDRESS = "PREFECT_API_URL"
# Nothing is sent home.
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def build_parser() -> argparse.ArgumentParser:
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m flows",
        description=description,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument_group("when (cron expressions; none: by hand only)").add_argument
    add("--daily", type=_cron, default="0 6 * * *", metavar="CRON", help="[%(default)s]")
    add("--retrain", type=_cron, default="0 3 * * 0", metavar="CRON", help="[%(default)s]")
    add("--time-zone", default="UTC", metavar="ZONE", help="such as Europe/Berlin [%(default)s]")
    add = parser.add_argument_group("what (one string each, without a shell)").add_argument
    add("--fetch", type=_words, metavar="COMMAND", help="brings messages before all else [none]")
    add("--train", type=_words, metavar="FLAGS", help="of train.py [as .env says]")
    add("--predict", type=_words, metavar="ARGUMENTS", help="of predict.py [nothing is scored]")
    add("--monitor", type=_words, metavar="FLAGS", help="of monitor.py [as .env says]")
    return parser


def _cron(text: str) -> str | None:
    return None if text == "none" else text


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error} in {text!r}") from error


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    os.environ.update(QUIET)
    if importlib.util.find_spec("prefect") is None:
        return _failed(
            "Prefect is not installed here: make flow, or .venv-flows/bin/python -m flows"
        )
    from flows import server

    # Set before Prefect is imported, which reads it then.
    address = os.environ.get(ADDRESS) or server.LOCAL
    os.environ[ADDRESS] = address
    from flows import deployments

    # Prefect hears both signals once it serves; before that the server must not be left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        planned = deployments.plan(deployments.Plan(**vars(args)))
        with server.running(address):
            deployments.serve(planned)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except deployments.BadPlan as error:
        return _failed(str(error), code=2)
    except server.NoServer as error:
        return _failed(str(error))
    return 0


def _failed(reason: str, code: int = 1) -> int:
    sys.stderr.write(f"flows: error: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
