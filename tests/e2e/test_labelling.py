"""From predictions to a queue, to labels, to what the monitor makes of them; from the outside."""

import json

import pandas as pd
import pytest

QUEUE = ("-m", "common.labelling", "queue")


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def project(make_trained):
    """A champion, and what it says of messages that it doesn't know; `truth` has their classes."""
    project = make_trained()
    flags = ("--class", "inbound", "--rows", 2000, "--out", "more", "--seed", "9")
    done = project.run("-m", "common.data.synthetic", *flags)
    assert done.returncode == 0, done.stderr
    messages = read(project.root / "more" / "synthetic_messages.csv")
    messages.to_csv(project.root / "truth.csv", index=False)
    messages.drop(columns="inbound").to_csv(project.root / "new.csv", index=False)
    done = project.run("predict.py", "new.csv", "-o", "scored.csv")
    assert done.returncode == 0, done.stderr
    return project


def fill(project, name, share=1.0):
    """Fill in the classes of the first rows of a queue, as a careful person would."""
    queue, truth = read(project.root / name), read(project.root / "truth.csv")
    classes = queue["tweet_id"].map(dict(zip(truth["tweet_id"], truth["inbound"], strict=True)))
    rows = range(round(share * len(queue)))
    queue.loc[rows, "inbound"] = classes[rows]
    queue.to_csv(project.root / name, index=False)
    return queue


def test_a_queue_is_labelled_taken_in_and_measured(project):
    done = project.run(*QUEUE, "scored.csv", "-n", "200", "-o", "queue.csv", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["drawn"]["random"] == 100
    assert sum(made["drawn"].values()) == 200
    queue = fill(project, "queue.csv", share=0.9)
    assert set(queue["why"]) <= {"random", "uncertain", "novel"}
    assert not set(queue["text"]) & set((done.stdout + done.stderr).splitlines())

    absorb = ("-m", "common.labelling", "absorb", "queue.csv")
    done = project.run(*absorb)
    assert done.returncode == 0, done.stderr
    assert "180 labels added, 0 corrected, 0 as they were, 20 rows still without" in done.stdout
    assert "0 labels added, 0 corrected, 180 as they were" in project.run(*absorb).stdout

    # What is labelled is not asked for again.
    done = project.run(*QUEUE, "scored.csv", "-n", "200", "-o", "again.csv")
    assert done.returncode == 0, done.stderr
    again = read(project.root / "again.csv")
    is_done = again["tweet_id"].isin(queue["tweet_id"][:180])
    assert (again["inbound"][is_done] != "").all()
    at_random = queue["tweet_id"][:180][queue["why"][:180] == "random"]
    assert set(again["tweet_id"][is_done]) == set(at_random)
    assert (~is_done & (again["inbound"] == "")).sum() == 200

    truth = read(project.root / "truth.csv")
    right = (read(project.root / "scored.csv")["prediction"] == truth["inbound"]).mean()
    for where in (
        ("--data", "labelled.csv"),
        ("--predictions", "scored.csv", "--labels", "labelled.csv", "--on", "tweet_id"),
    ):
        found = project.run("monitor.py", *where, "--json", "--target-column", "inbound")
        (accuracy,) = [f for f in json.loads(found.stdout)["findings"] if f["name"] == "accuracy"]
        assert accuracy["lower"] <= right <= accuracy["upper"], (where, right, accuracy)
        assert accuracy["detail"]["labelled"] == 180
        assert accuracy["detail"]["messages"] == pytest.approx(2000, rel=0.1)


def test_labels_that_looked_wrong_are_asked_for_and_corrected(project):
    done = project.run(*QUEUE, "--label-issues", "-n", "5", "-o", "issues.csv")
    assert done.returncode == 0, done.stderr
    issues = read(project.root / "issues.csv")
    assert set(issues["why"]) == {"label_issue"}
    assert set(issues["inclusion_probability"]) == {""}
    assert (issues["label_now"] != issues["prediction"]).all()
    sample = read(project.sample)
    assert set(issues["text"]) <= set(sample["text"])
    issues["inbound"] = issues["prediction"]
    issues.to_csv(project.root / "issues.csv", index=False)
    into = ("--into", project.sample)
    done = project.run("-m", "common.labelling", "absorb", "issues.csv", *into)
    assert done.returncode == 0, done.stderr
    assert f"{len(issues)} corrected" in done.stdout
    corrected = read(project.sample).set_index("text")["inbound"]
    for text, label in zip(issues["text"], issues["prediction"], strict=True):
        assert set(corrected.loc[[text]]) == {label}
    # They are not asked for again.
    again = project.run(*QUEUE, "--label-issues", "-o", "more.csv", "--labelled", project.sample)
    assert again.returncode in (0, 3)
    if again.returncode == 0:
        assert not set(issues["text"]) & set(read(project.root / "more.csv")["text"])


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("-o", "q.csv"), 2, "name a file that predict.py wrote, or say --label-issues"),
        (("scored.csv", "-o", "q.parquet"), 2, "let its name end in .csv"),
        (("scored.csv", "-o", "q.csv", "--random-share", "0"), 2, "--random-share must be more"),
        (
            ("new.csv", "-o", "q.csv"),
            3,
            "no column 'prediction': name a file that predict.py wrote; if it was",
        ),
        (("scored.csv", "-o", "q.csv", "--model", "99"), 4, "99"),
        (("scored.csv", "-o", "q.csv", "--target-column", "a,b"), 2, "names several columns"),
    ],
)
def test_what_cannot_be_meant_is_one_line(project, flags, code, said):
    done = project.run(*QUEUE, *flags)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert not (project.root / "q.csv").exists()


def test_a_person_is_found_in_queues_and_labels(project):
    done = project.run(*QUEUE, "scored.csv", "-n", "40", "-o", "ask.csv")
    assert done.returncode == 0, done.stderr
    text = read(project.root / "ask.csv")["text"][0]
    (project.root / "messages.txt").write_text(text + "\n")
    forget = ("-m", "common.privacy", "forget", "--text-file", "messages.txt", "--yes", "--json")
    done = project.run(*forget)
    assert done.returncode == 0, done.stderr
    assert any(found["name"].endswith("ask.csv") for found in json.loads(done.stdout)["found"])
    assert text not in set(read(project.root / "ask.csv")["text"])
