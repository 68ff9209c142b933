"""A process killed at any step of its writing loses nothing and leaves nothing behind."""

import gzip
import os
import signal
import sys
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_helpers import make_model, plan

from common.data import lines
from common.pipelines import prepare
from common.pipelines.prepare import PrepareRequest
from common.preparation import part
from common.scoring import file, pieces, resume
from common.scoring.pieces import Cut

pytestmark = pytest.mark.slow

ROWS = 60
STEPS = ("os.rename", "os.remove", "os.truncate", "os.chmod", "open")


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(autouse=True)
def _checkpoint_after_each_chunk(monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(file, "SMALL_BYTES", 0)
    monkeypatch.setattr(part, "SMALL_BYTES", 0)
    monkeypatch.setattr(pieces, "RANGE_BYTES", 300)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)


def write(folder, ending):
    rows = [f"{k},message {k}" if k % 9 else f"{k}" for k in range(ROWS)]
    text = "id,text\n" + "\n".join(rows) + "\n"
    path = folder / f"in{ending}"
    if ending == ".csv":
        path.write_text(text)
    elif ending == ".csv.gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        table = pa.table({"id": range(ROWS), "text": rows})
        pq.write_table(table, path, row_group_size=20)
    return path


def score(folder, source, model, workers):
    output = folder / ("out.parquet" if source.suffix == ".parquet" else "out.csv")
    job = plan(source, output)
    file.score_file(job, model, file.Options(chunk_rows=10, workers=workers))
    return job


def score_in_pieces(folder, source, model, workers):
    output = folder / ("out.parquet" if source.suffix == ".parquet" else "out.csv")
    job = plan(source, output)
    options = file.Options(chunk_rows=10, workers=workers)
    cut = pieces.cut_input(job, model.identity, None, options)
    if isinstance(cut, Cut):
        assert len(cut.ranges) > 2
        for number in range(len(cut.ranges)):
            pieces.score(cut, number, model, options, None)
        pieces.join(cut, model, options, None)
    return job


def contents(job):
    return [path.read_bytes() for path in (job.output, job.rejects) if path.exists()]


def die_at(step):
    """Kill this process when it has written, renamed, synchronised ... `step` times."""
    own, left = os.getpid(), step

    def count():
        nonlocal left
        if os.getpid() != own:  # a worker
            return
        left -= 1
        if left == 0:
            os.kill(own, signal.SIGKILL)

    def hook(event, args):
        if event in STEPS and ".draft" in str(args[0]):
            count()

    sys.addaudithook(hook)
    for owner, name in ((os, "fsync"), (resume, "_flush_to_disk")):
        original = getattr(owner, name)

        def counted(*args, original=original):
            count()
            return original(*args)

        setattr(owner, name, counted)

    class Stream:
        def __init__(self, stream):
            self.stream = stream

        def write(self, data):
            count()
            done = self.stream.write(data)
            self.stream.flush()
            count()
            return done

        def __getattr__(self, name):
            return getattr(self.stream, name)

    open_at = resume._open_at
    resume._open_at = lambda path, size: Stream(open_at(path, size))


@pytest.mark.parametrize(
    ("ending", "workers", "score"),
    [
        *(
            (ending, workers, score)
            for ending in (".csv", ".csv.gz", ".parquet")
            for workers in (1, 2)
        ),
        *((ending, 1, score_in_pieces) for ending in (".csv", ".parquet")),
    ],
)
def test_a_kill_at_each_step_loses_nothing(tmp_path, model, ending, workers, score):
    source = write(tmp_path, ending)
    job = score(tmp_path, source, model, workers)
    expected = contents(job)
    killed = 0
    for step in range(1, 400):
        for path in (job.output, job.rejects, job.manifest):
            path.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            try:
                die_at(step)
                score(tmp_path, source, model, workers)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
        assert not job.output.exists() or job.output.read_bytes() == expected[0]
        score(tmp_path, source, model, workers)
        assert contents(job) == expected
        assert not list(tmp_path.glob(".*"))
    assert killed > 40


def prepare_all(folder, sources):
    request = PrepareRequest(sources, folder, date(2026, 3, 1), "x", workers=1)
    return prepare.run(request).rows


def prepared(folder):
    """All that a run has made but for manifests, which say how long it took."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if "manifest" not in name}


def test_preparing_that_is_killed_at_each_step_ends_whole(tmp_path):
    sources = []
    for name in "ab":
        (tmp_path / name).mkdir()
        sources.append(write(tmp_path / name, ".csv"))
    rows = prepare_all(tmp_path / "undisturbed", sources)
    assert min(rows.written, rows.of_other_inputs, rows.rejected) > 0
    expected = prepared(tmp_path / "undisturbed")
    killed = 0
    for step in range(1, 400):
        lake = tmp_path / f"lake-{step}"
        child = os.fork()
        if not child:
            try:
                die_at(step)
                prepare_all(lake, sources)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
        if "_SUCCESS" in prepared(lake):
            assert prepared(lake) == expected
        assert prepare_all(lake, sources) == rows
        assert prepared(lake) == expected
    assert killed > 40
