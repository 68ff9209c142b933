"""What MLflow's pages say of versions and of the registered model."""

import pytest

from common.models.boosted import TextClassifier
from common.registry import descriptions, history, lock, runs, store, versions
from common.registry.history import CONTEST, MANUAL, ROLLBACK, Entry, Register

TEXTS = [f"{text} {k}" for k in range(20) for text in ("it is LOST!!", "thank you so much")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Two versions; the second was rejected."""
    registry = store.connect(None, tmp_path_factory.mktemp("store"), "triage", create=True)
    classifier = TextClassifier().fit(TEXTS, ["angry", "calm"] * (len(TEXTS) // 2))
    for number, verdict in enumerate(("promoted", "rejected"), start=1):
        with runs.training_run(registry, "triage", {}, "mail.csv") as run_id:
            uri = runs.log_model(registry, run_id, classifier, ())
            version = versions.register(registry, uri, run_id, {})
            runs.name_version(registry, run_id, version.number, "mail.csv")
        assert version.number == number
        if verdict == "promoted":
            change(registry, 1, CONTEST, "it is the first")
        versions.record(registry, version, {"verdict": verdict, "reason": "figures"}, "| table |")
    return registry


def change(registry, number, kind, reason):
    version = versions.find(registry, str(number))
    with lock.hold(registry) as confirm:
        history.move(registry, version, kind, "ann@here", reason, confirm)


def told(registry, number):
    found = registry.client.get_model_version("triage", str(number))
    return found.description, found.tags


def test_the_name_and_tags_of_a_run_say_what_it_is_about(registry):
    run = registry.client.get_run(versions.find(registry, "1").run_id)
    assert run.info.run_name == "train triage v1 mail.csv"
    tags = run.data.tags
    assert (tags["model"], tags["version"], tags["data"]) == ("triage", "1", "mail.csv")


def test_after_a_promotion_and_a_rollback_by_hand_both_versions_tell_what_they_are(registry):
    text, tags = told(registry, 2)
    assert text.startswith("Rejected, ")
    assert (text.endswith("### Contest\n\n| table |"), tags["verdict"]) == (True, "rejected")
    registry.client.update_model_version("triage", "2", f"{text}\n\nBob's note")

    change(registry, 2, MANUAL, "checked by hand")
    text, tags = told(registry, 2)
    assert text.startswith("Champion since ")
    assert "promoted by hand (ann@here): checked by hand." in text
    assert "Rejected" not in text
    assert "| table |\n\nBob's note" in text
    assert (tags["verdict"], tags["contest_verdict"]) == ("promoted", "rejected")
    assert (tags["reason"], tags["contest_reason"]) == (
        "by hand (ann@here): checked by hand",
        "figures",
    )
    assert told(registry, 1)[0].startswith("Replaced on ")

    change(registry, 1, ROLLBACK, "it was worse")
    text, tags = told(registry, 2)
    assert text.startswith("Rolled back on ")
    assert tags["verdict"] == "rolled back"
    text, tags = told(registry, 1)
    assert text.startswith("Champion since ")
    assert "rollback from version 2 (ann@here): it was worse." in text
    assert (tags["verdict"], "replaced_at" in tags) == ("promoted", False)


def test_the_model_shows_its_history_as_a_table(registry):
    found = registry.client.get_registered_model("triage")
    assert "| version | from | until | how | by | why |" in found.description
    assert len(history.read(registry).entries) == found.description.count("\n| ") - 1


def test_a_long_history_shows_the_newest_and_counts_the_others():
    at = "2026-03-02T06:00:00+00:00"
    entries = [Entry(k, k, k - 1 or None, CONTEST, at, "x" * 100, "y" * 400) for k in range(1, 60)]
    text = descriptions.of_model("Ours.", Register(59, tuple(entries), None).reigns())
    assert len(text) <= descriptions.LONGEST
    assert text.startswith("Ours.\n\n### Champions\n\nVersion 59 is the champion")
    shown = text.count("\n| ") - 1
    assert f"{59 - shown} earlier ones" in text
    # A person's own words stay when it is written again.
    assert descriptions.of_model(text, ()).startswith("Ours.\n\n### Champions\n\nNo version")


def test_a_description_that_is_too_long_says_that_it_is_cut():
    text = descriptions.with_contest(None, "rejected", "2026-03-02T06:00:00+00:00", "x" * 6000)
    assert len(text) <= descriptions.LONGEST
    assert text.endswith(descriptions.CUT)
