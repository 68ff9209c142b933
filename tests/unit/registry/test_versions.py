"""Two registries in one process, and many threads on one."""

import os
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest

from common.errors import SettingsError
from common.models.boosted import TextClassifier
from common.registry import runs, store, versions

TEXTS = [f"{text} {k}" for k in range(20) for text in ("it is LOST!!", "thank you so much")]
KINDS = {"moods": ["angry", "calm"], "answers": ["no", "yes"]}
THREADS = 8


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    """Two embedded stores whose models, made at the same time, know different classes."""
    with ThreadPoolExecutor() as threads:
        folder = tmp_path_factory.mktemp("stores")
        made = threads.map(lambda kind: with_a_champion(folder / kind, KINDS[kind]), KINDS)
        yield dict(zip(KINDS, made, strict=True))


def with_a_champion(folder, classes):
    folder.mkdir()
    registry = store.connect(None, folder, "triage", create=True)
    classifier = TextClassifier().fit(TEXTS, classes * (len(TEXTS) // 2))
    with runs.training_run(registry, "triage", {}, "data.csv") as run_id:
        uri = runs.log_model(registry, run_id, classifier, ())
        version = versions.register(registry, uri, run_id, {"kind": classes[0]})
    registry.client.set_registered_model_alias("triage", versions.CHAMPION, version.number)
    return registry


def answer(registry):
    champion = versions.champion(registry)
    classifier = versions.load(registry, champion)
    return list(classifier.classes_), classifier.predict_proba(TEXTS).tobytes()


def test_two_threads_find_and_load_the_champions_of_two_registries(registries):
    alone = {kind: answer(registry) for kind, registry in registries.items()}
    assert {kind: classes for kind, (classes, _) in alone.items()} == KINDS
    with ThreadPoolExecutor(2) as threads:
        for _ in range(3):
            together = threads.map(answer, registries.values())
            assert dict(zip(registries, together, strict=True)) == alone


def test_many_threads_on_one_registry_get_the_same_answers(registries):
    registry = registries["moods"]
    alone = answer(registry)
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(answer, [registry] * THREADS)) == [alone] * THREADS


def test_many_threads_write_to_one_registry_at_once(registries):
    registry = registries["answers"]
    version = versions.find(registry, "latest")
    with ThreadPoolExecutor(THREADS) as threads:
        list(
            threads.map(
                lambda k: versions.record(registry, version, {f"note {k}": str(k)}, "noted"),
                range(THREADS),
            )
        )
    tags = versions.find(registry, "1").tags
    assert {tags[f"note {k}"] for k in range(THREADS)} == {str(k) for k in range(THREADS)}


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:9"])
def test_what_others_in_the_process_call_their_store_stays(
    registries, tmp_path, monkeypatch, address
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    else:  # they have named one, and taken it out of the environment again
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/theirs.db")
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
    before = dict(os.environ), mlflow.get_tracking_uri()
    registry = store.connect("sqlite:///x.db", tmp_path, "triage", create=True)
    with registry.global_address():
        assert mlflow.get_tracking_uri() == registry.uri
    assert (dict(os.environ), mlflow.get_tracking_uri()) == before


def test_a_model_is_not_its_own_challenger(registries):
    registry = registries["moods"]
    with pytest.raises(SettingsError, match="version 1, the model that it is to be compared with"):
        versions.find_challenger(registry, versions.find(registry, "1"), "champion")
