"""Log and open hostile names for some time; stop at the first that is not handled as promised.

    python tests/fuzz_logs.py --seconds 600

Pieces that patterns look for are put together at random, with passwords among them. Whatever comes
of it: as a message it is one line of limited length that shows no password; as names in the header
of a CSV file or keys of JSON lines it gives columns or one InputError, which is such a line too.
None may take longer than 20 seconds.
"""

import argparse
import csv
import io
import json
import logging
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from common.data.reader import MessageFile
from common.errors import InputError
from common.logs import LINE_CHARACTERS, LineFormatter

SECONDS_EACH = 20
PASSWORD = "hunter22"
PIECES = [
    *("a", "Z", "0", "é", "😡", "@", "#", "?", "&", "=", ":", "/", "'", '"', ",", ";", "\t", "."),
    *("\n", "\r", "\x00", "\x1b[2J", "\u2028", "\u202e", "\ufeff", "\ud800", " ", "%s", "{}", "\\"),
    *("key", "?key", "&token=", "?sig=1", "http://", "a://", "://", "www.", "-1.0", "text", "id"),
    *(f"https://ann:{PASSWORD}@host/", f"?token={PASSWORD} ", f"&api_key={PASSWORD}&"),
]
LENGTHS = (1, 3, 30, 1000, 30_000)
FORMATTER = LineFormatter("%(levelname)s %(message)s")


def some_text(chance: random.Random) -> str:
    few = chance.sample(PIECES, chance.randint(1, 6))
    return "".join(chance.choices(few, k=chance.choice(LENGTHS)))


def check_line(text: str) -> None:
    record = logging.LogRecord("fuzz", logging.ERROR, "fuzz.py", 1, "%s", (text,), None)
    shown = FORMATTER.format(record)
    assert len(shown.splitlines()) == 1
    assert len(shown) < 10 * LINE_CHARACTERS  # each character may be shown as an escape
    assert PASSWORD not in shown


def check_header(names: list[str], folder: Path) -> bool:
    """Whether a file with this header is opened."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(names)
    contents = {
        "fuzz.csv": buffer.getvalue() + ",".join("1" for _ in names) + "\n",
        "raw.csv": ",".join(names) + "\n1\n",
        "fuzz.jsonl": json.dumps(dict.fromkeys(names, "1")) + "\n",
    }
    opened = False
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        try:
            with MessageFile(path) as messages:
                for chunk in messages:
                    assert chunk.table.column_names == messages.columns
                messages.require("text", "TEXT_COLUMN")
            opened = True
        except InputError as error:
            check_line(str(error))
    return opened


def too_slow(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS_EACH} seconds")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    signal.signal(signal.SIGALRM, too_slow)
    end, tried, opened = time.monotonic() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            names = [some_text(chance) for _ in range(chance.choice([1, 2, 5]))]
            signal.alarm(SECONDS_EACH)
            try:
                for name in names:
                    check_line(name)
                opened += check_header(names, Path(folder))
            except BaseException:
                kept = Path(tempfile.gettempdir(), f"fuzz-logs-found-{args.seed}-{tried}.json")
                kept.write_text(json.dumps(names))
                print(f"{kept}, after {tried:,} headers:", file=sys.stderr)
                raise
            finally:
                signal.alarm(0)
            tried += 1
    print(f"{tried:,} headers, {opened:,} opened, nothing found (seed {args.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
