"""Load on a server that runs: how long single messages take at given rates, and how many it takes.

Requests are sent when they are due, whether those before have been answered or not, and are timed
from then on: a server that stalls is not asked less. Needs the packages for tests.

    python -m serving &
    python -m benchmarks.serving --messages messages.csv
    python -m benchmarks.serving --messages messages.csv --rates 100 500 --seconds 30 --file big.csv
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import aiohttp
import requests
from tabulate import tabulate

from benchmarks import variety

WARM_SECONDS = 2.0


@dataclass(frozen=True)
class Load:
    """What came of a load: latencies in seconds, failed requests, requests a second."""

    name: str
    seconds: Sequence[float]
    failed: int
    rate: float

    def row(self) -> tuple[str, str, str, str, str, str, int]:
        cuts = statistics.quantiles(self.seconds, n=1000)
        shown = [f"{1000 * cuts[at]:.1f}" for at in (499, 949, 989)]
        return (
            self.name,
            f"{self.rate:,.0f}",
            *shown,
            f"{1000 * max(self.seconds):.1f}",
            self.failed,
        )


HEADERS = ("load", "requests/s", "p50 ms", "p95 ms", "p99 ms", "largest ms", "failed")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--address", default="http://127.0.0.1:8000", help="of the server [%(default)s]")
    add("--messages", type=Path, required=True, help="CSV of messages to send")
    add("--text-column", default="text", help="its messages [%(default)s]")
    add("--path", default="/predict", choices=("/predict", "/invocations"), help="[%(default)s]")
    add("--rates", type=float, nargs="*", default=[100, 500], help="requests a second [100 500]")
    add("--seconds", type=float, default=20, help="of each load [%(default)s]")
    add("--connections", type=int, default=32, help="that ask as fast as they can [%(default)s]")
    add("--file", type=Path, help="file to send to /api/batch")
    return parser


async def run(args: argparse.Namespace) -> list[Load]:
    texts = variety.read(args.messages, args.text_column)[:20_000]
    random.Random(1).shuffle(texts)
    key = "inputs"
    bodies = cycle([json.dumps({key: [text]}).encode() for text in texts])
    address = args.address + args.path
    kind = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=kind, connector=connector) as session:
        client = Client(session, address)
        await client.closed_loop(bodies, args.connections, WARM_SECONDS)
        found = [await client.open_loop(bodies, rate, args.seconds) for rate in args.rates]
        found.append(await client.closed_loop(bodies, args.connections, args.seconds))
        return found


@dataclass(frozen=True)
class Client:
    """Sends bodies to one address."""

    session: aiohttp.ClientSession
    address: str

    async def ask(self, body: bytes, due: float) -> float | None:
        """Seconds from when it was due to the end of the answer; None if it failed."""
        try:
            async with self.session.post(self.address, data=body) as answer:
                await answer.read()
                if answer.status != 200:
                    return None
        except aiohttp.ClientError:
            return None
        return time.perf_counter() - due

    async def open_loop(self, bodies: cycle[bytes], rate: float, seconds: float) -> Load:
        """Requests that are due at random moments (a Poisson process)."""
        draw = random.Random(2)
        started = due = time.perf_counter()
        asked = []
        while due < started + seconds:
            await asyncio.sleep(max(0, due - time.perf_counter()))
            asked.append(asyncio.create_task(self.ask(next(bodies), due)))
            due += draw.expovariate(rate)
        return load(f"{rate:g}/s", await asyncio.gather(*asked), time.perf_counter() - started)

    async def closed_loop(self, bodies: cycle[bytes], connections: int, seconds: float) -> Load:
        """Connections of which each asks again when it has its answer."""
        end = time.perf_counter() + seconds

        async def one() -> list[float | None]:
            found = []
            while (now := time.perf_counter()) < end:
                found.append(await self.ask(next(bodies), now))
            return found

        parts = await asyncio.gather(*[one() for _ in range(connections)])
        return load(f"{connections} connections", [s for part in parts for s in part], seconds)


def load(name: str, asked: Sequence[float | None], seconds: float) -> Load:
    done = [each for each in asked if each is not None]
    return Load(name, done, len(asked) - len(done), len(done) / seconds)


def send_file(address: str, file: Path) -> str:
    """Rows a second of a file that is scored and comes back."""
    kinds = {".csv": "text/csv", ".jsonl": "application/x-ndjson"}
    headers = {"Content-Type": kinds[file.suffix]}
    started, size = time.perf_counter(), 0
    with file.open("rb") as content:
        answer = requests.post(f"{address}/api/batch", data=content, headers=headers, stream=True)
        for part in answer.iter_content(1 << 20):
            size += len(part)
    seconds = time.perf_counter() - started
    rows = int(answer.headers["X-Rows-Scored"]) + int(answer.headers["X-Rows-Blank"])
    rate = rows / seconds
    return f"{file.name}: {rows:,} rows in {seconds:.1f} s, {rate:,.0f} rows/s, {size:,} bytes\n"


def main() -> int:
    args = build_parser().parse_args()
    # Its pauses would be taken for those of the server.
    gc.disable()
    found = asyncio.run(run(args))
    table = tabulate(
        [each.row() for each in found], HEADERS, tablefmt="github", disable_numparse=True
    )
    sys.stdout.write(f"Single messages, {args.path}:\n\n{table}\n")
    if args.file:
        sys.stdout.write(send_file(args.address, args.file))
    return int(any(each.failed for each in found))


if __name__ == "__main__":
    sys.exit(main())
