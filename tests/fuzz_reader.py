"""Read mutated files for some time; stop at the first that is not read as promised.

    python tests/fuzz_reader.py --seconds 600

A file of the hostile corpus is cut, joined, and has bytes changed and marks put in at random.
Whatever comes of it, and whatever is said of its form, must either be refused with an InputError,
or give the same rows and rejects for every size of chunk. What is found is kept in a file that the
script names.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent / "integration"))

from test_hostile_files import FILES

from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError

MARKS = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xe2\x80"]
MARKS += [
    b"{",
    b"}",
    b"\\",
    b"'",
    b"\xef\xbb\xbf",
    "😡".encode(),
    b'\n"',
    b'",',
    b"PAR1",
    b"\x1f\x8b",
]
SIZES = (1, 7, 10_000)
LARGEST = 20_000


def mutated(content: bytes, others: list[bytes], random: random.Random) -> bytes:
    data = bytearray(content[:LARGEST])
    for _ in range(random.randint(1, 8)):
        at = random.randint(0, len(data))
        kind = random.randint(0, 4)
        if kind == 0:
            data[at:at] = random.choice(MARKS)
        elif kind == 1:
            del data[at : at + random.randint(1, 20)]
        elif kind == 2 and data:
            data[min(at, len(data) - 1)] = random.randrange(256)
        elif kind == 3:
            data[at:at] = data[: random.randint(0, 200)]
        else:
            data[at:] = random.choice(others)[: random.randint(0, 2000)]
    return bytes(data)


def some_reading(random: random.Random) -> Reading:
    if random.random() < 0.7:
        return FIND_OUT
    return Reading(
        delimiter=random.choice([None, ",", "|", " ", "a"]),
        encoding=random.choice([None, "utf-8", "cp1252", "utf-16-le", "utf-7", "gb18030"]),
        header=random.choice([None, ("text",), ("id", "text", "note")]),
        member=random.choice([None, None, "a.csv"]),
        field_characters=random.choice([1, 10, 16_000_000]),
    )


def read(path: Path, size: int, reading: Reading) -> tuple[object, ...] | str:
    """All that is read: cells, raw rows, rejects, replaced cells; or what was refused."""
    rows, raw, rejects, replaced = [], [], [], 0
    try:
        with MessageFile(path, size, reading) as messages:
            for chunk in messages:
                assert chunk.raw is None or len(chunk.raw) == len(chunk.table)
                rows += [str(row) for row in chunk.table.to_pylist()]
                raw += chunk.raw.to_pylist() if chunk.raw is not None else []
                rejects += chunk.rejects
                replaced += chunk.replaced
    except InputError as error:
        return "refused: " + str(error).replace(str(path), "")
    return tuple(rows), tuple(raw), tuple(rejects), replaced


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    corpus = {
        name: content.encode() if isinstance(content, str) else content
        for name, (content, _) in FILES.items()
    }
    endings = [".csv", ".csv", ".csv", ".jsonl", ".parquet"]
    end, tried, refused = time.monotonic() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            name = chance.choice(list(corpus))
            path = Path(folder, "fuzz" + (Path(name).suffix or chance.choice(endings)))
            path.write_bytes(mutated(corpus[name], list(corpus.values()), chance))
            reading = some_reading(chance)
            try:
                found = [read(path, size, reading) for size in SIZES]
                assert found[0] == found[1] == found[2], (
                    "chunks of another size give another result"
                )
            except BaseException:
                kept = Path(tempfile.gettempdir(), f"fuzz-found-{args.seed}-{tried}{path.suffix}")
                kept.write_bytes(path.read_bytes())
                print(f"{kept} (from {name}, {reading}), after {tried:,} files:", file=sys.stderr)
                raise
            tried += 1
            refused += isinstance(found[0], str)
            path.unlink()
    print(f"{tried:,} files, {refused:,} refused, nothing found (seed {args.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
