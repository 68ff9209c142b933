"""A change of champion happens or does not, whatever is killed, and whoever else is there."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import clean_environment, mlflow_server
from sqlalchemy import event
from sqlalchemy.engine import Engine

from common.data.labelled import Split
from common.data.split import buckets
from common.errors import ModelUnavailable, StoreError
from common.models.families import FAMILIES
from common.registry import history, lock, runs, store, versions
from common.registry.register import MANUAL
from common.settings import RULES
from common.training import fit as training
from common.training import promotion
from common.training.contest import Policy
from common.training.recipe import Recipe

NAME = "triage"
TEXTS = [f"{text} {k}" for k in range(60) for text in ("it is LOST!!", "thank you so much")]
LABELS = ["angry", "calm"] * 60
ANYTHING = Policy(threshold=-1, significance=0.05, required=("accuracy",), min_rows=1)
STRICT = Policy(threshold=0.005, significance=0.05, required=RULES, min_rows=30)
RECIPE = Recipe("boosted", "text", holdout_percent=20, class_weight="none", seed=42)


@pytest.fixture(scope="module")
def fitted():
    everything = Split(np.array(TEXTS, object), np.array(LABELS, object), buckets(TEXTS) % 2)
    return training.fit(everything, everything, RECIPE)


def register(registry, fitted, predictions="x"):
    """A version as train.py makes it, without figures and the clean process."""
    tags = {"holdout_percent": "20", "predictions_sha256": predictions}
    with runs.training_run(registry, "triage", tags, "data.csv") as run_id:
        uri = runs.log_model(registry, run_id, fitted.classifier, FAMILIES["boosted"].requirements)
        return versions.register(registry, uri, run_id, tags)


@pytest.fixture
def registry(tmp_path):
    return store.connect(None, tmp_path, NAME, create=True)


def consistent(registry):
    register = history.read(registry)
    assert register.pending is None
    last = register.entries[-1].version if register.entries else None
    assert register.champion == last
    assert [entry.number for entry in register.entries] == list(range(1, len(register.entries) + 1))
    return register


def test_a_kill_at_each_commit_leaves_the_old_champion_or_the_new(registry, fitted):
    first, second = register(registry, fitted), register(registry, fitted)
    promotion.contest_and_promote(registry, first, fitted, ANYTHING)
    outcomes = set()
    for step in range(1, 60):
        child = os.fork()
        if not child:
            try:
                left = step

                def count(connection):
                    nonlocal left
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                event.listen(Engine, "commit", count)
                promotion.contest_and_promote(registry, second, fitted, ANYTHING)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        versions.load(registry, versions.find(registry, "champion"))
        with lock.hold(registry):
            said = history.repair(registry)
        outcomes.add(" ".join(said)[:20])
        champion = consistent(registry).champion
        assert champion in (first.number, second.number)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        # Back to the first for the next kill, and forth by the same way.
        if champion == second.number:
            promotion.contest_and_promote(registry, first, fitted, ANYTHING)
    assert step > 8
    assert "" in outcomes
    assert any("became champion" in outcome or "version" in outcome for outcome in outcomes)
    assert any(outcome.startswith("the promotion of") for outcome in outcomes)


def test_a_champion_whose_files_were_changed_is_refused_before_its_code_runs(
    registry, fitted, tmp_path
):
    version = register(registry, fitted)
    promotion.contest_and_promote(registry, version, fitted, ANYTHING)
    marker = tmp_path / "it ran"

    class Payload:
        def __reduce__(self):
            return Path.touch, (marker,)

    import pickle

    (path,) = tmp_path.rglob("classifier.pkl")
    whole = path.read_bytes()
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ModelUnavailable, match=r"classifier\.pkl was changed"):
        versions.load(registry, version)
    verdict = promotion.contest_and_promote(
        registry, register(registry, fitted), fitted, STRICT, by="registry adopt"
    ).verdict
    assert verdict.outcome == "no contest"
    assert "registry adopt --replace-unscorable" in " ".join(verdict.ways_out)
    path.unlink()
    with pytest.raises(ModelUnavailable, match="changed or removed"):
        versions.load(registry, version)
    path.write_bytes(whole)
    versions.load(registry, version)
    path.with_name("more.py").write_text("")
    with pytest.raises(ModelUnavailable, match=r"more\.py was added"):
        versions.load(registry, version)
    assert not marker.exists()


def test_a_version_without_digests_is_refused(registry, fitted):
    version = register(registry, fitted)
    registry.client.delete_model_version_tag(NAME, str(version.number), versions.FILES)
    with pytest.raises(ModelUnavailable, match="no digests"):
        versions.load(registry, versions.find(registry, "latest"))


@pytest.mark.slow
def test_trainings_killed_at_random_moments_leave_a_champion_and_one_history(trained):
    """Real processes; the next training closes their runs and says so."""
    chance = random.Random(5)
    flags = ("--champion-threshold", "-1", "--promote-rules", "accuracy")
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "train.py", *flags],
            cwd=trained.root,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(2, 9))
        process.kill()
        process.wait()
    (trained.root / "few.csv").write_text("text\nwhere is my order?\n")
    done = trained.run("predict.py", "few.csv")
    assert done.returncode == 0, done.stderr
    done = trained.run("train.py", *flags)
    assert done.returncode == 0, done.stderr
    registry = store.connect(None, trained.root, NAME)
    register = consistent(registry)
    assert register.champion == max(version.number for version in versions.list_versions(registry))
    client = registry.client
    experiment = client.get_experiment_by_name("triage").experiment_id
    assert not client.search_runs([experiment], "attributes.status = 'RUNNING'")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def remote(server, tmp_path):
    """A function that gives the registry of a model on the server."""
    return lambda name: store.connect(server, tmp_path, name)


def test_of_many_only_one_holds_a_servers_lock(remote):
    busy = remote("busy")
    holders, most, done = 0, 0, 0
    look = threading.Lock()

    def work():
        nonlocal holders, most, done
        for _ in range(5):
            with lock.hold(busy):
                with look:
                    holders += 1
                    most = max(most, holders)
                time.sleep(0.01)
                with look:
                    holders -= 1
                    done += 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (most, done) == (1, 20)
    with pytest.raises(ModelUnavailable):
        history.read(remote("busy.lock"))


def test_a_lock_that_was_left_behind_is_taken_over(remote, monkeypatch, caplog):
    left = remote("left")
    monkeypatch.setattr(lock, "STALE_SECONDS", 1.0)
    tags = {lock.OWNER: "dead", lock.HOLDER: "elsewhere, process 7"}
    left.client.create_registered_model("left.lock", tags)
    with lock.hold(left) as confirm:
        confirm()
    assert "was left behind by elsewhere, process 7: taken over" in caplog.text
    for name in ("left.lock", "left.lock.dead"):
        with pytest.raises(ModelUnavailable):
            history.read(remote(name))


def test_who_has_lost_the_lock_promotes_nothing(remote, fitted):
    registry = remote(NAME)
    first, second = register(registry, fitted), register(registry, fitted)
    promotion.contest_and_promote(registry, first, fitted, ANYTHING)
    with pytest.raises(StoreError, match="was lost"), lock.hold(registry) as confirm:
        registry.client.delete_registered_model(f"{NAME}.lock")
        history.move(registry, second, MANUAL, "ann", "why not", confirm)
    assert history.read(registry).champion == first.number
    with lock.hold(registry):
        (said,) = history.repair(registry)
    assert "was interrupted before it happened" in said
    consistent(registry)


def test_a_lock_that_somebody_keeps_is_waited_for_only_so_long(remote, monkeypatch):
    kept = remote("kept")
    monkeypatch.setattr(lock, "WAIT_SECONDS", 1.0)
    with lock.hold(kept), pytest.raises(StoreError, match="holds the lock"), lock.hold(kept):
        pass


def test_the_verdict_is_written_where_people_look(registry, fitted):
    version = register(registry, fitted)
    promotion.contest_and_promote(registry, version, fitted, ANYTHING)
    found = registry.client.get_model_version(NAME, str(version.number))
    assert found.tags["verdict"] == "promoted"
    assert "first champion" in found.description
    assert json.loads(found.tags["files_sha256"])
