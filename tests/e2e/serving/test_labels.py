"""Labels and kept messages: on disk before the answer, and read by train.py and monitor.py."""

import csv
import json
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving_helpers import eventually, served


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def give(server, text, label, **more):
    return server.post("/api/feedback", json={"text": text, "label": label, **more})


def test_a_label_is_on_disk_when_the_answer_comes_whatever_happens_then(trained):
    with served(trained, warm=False) as server:
        given = [
            give(server, f'line "{n}",\nwith 😊', "True", predicted="False") for n in range(20)
        ]
        assert {answer.status_code for answer in given} == {201}
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    rows = rows_of(trained.root / "labelled.csv")
    assert [row["text"] for row in rows] == [f'line "{n}",\nwith 😊' for n in range(20)]
    assert {row["inbound"] for row in rows} == {"True"}
    assert [row["tweet_id"] for row in rows] == [answer.json()["id"] for answer in given]
    with served(trained) as server:
        assert server.get("/api/info").json()["labelled"] == 20


def test_many_give_labels_at_once_and_none_is_lost(server):
    before = server.get("/api/info").json()["labelled"]
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda n: give(server, f"m{n}", "False", id=f"id{n}"), range(200)))
    assert {answer.status_code for answer in done} == {201}
    assert server.get("/api/info").json()["labelled"] == before + 200
    rows = rows_of(server.project.root / "labelled.csv")
    assert {f"id{n}" for n in range(200)} <= {row["tweet_id"] for row in rows}


def test_a_second_label_takes_the_place_of_the_first_and_can_be_taken_back(server):
    path = server.project.root / "labelled.csv"
    for label in ("True", "False"):
        assert give(server, "which?", label, id="a/b c").status_code == 201
    assert [r["inbound"] for r in rows_of(path) if r["tweet_id"] == "a/b c"] == ["False"]
    import requests

    gone = requests.delete(f"{server.address}/api/feedback/a%2Fb%20c", timeout=9)
    assert gone.status_code == 200
    assert not [r for r in rows_of(path) if r["tweet_id"] == "a/b c"]
    assert requests.delete(f"{server.address}/api/feedback/a", timeout=9).status_code == 404


def test_feedback_names_the_message_of_an_answer(server):
    answer = server.post("/api/classify", json={"messages": ["one", "two"]}).json()
    about = {"request_id": answer["request_id"], "index": 1, "model_version": 1}
    taken = give(server, "two", "True", predicted="False", **about).json()
    assert taken["id"] == f"{answer['request_id']}-1"


def test_a_queue_shows_what_has_a_label_and_resumes(server):
    sent = b'tweet_id,created_at,text\n1,2026-01-01,first\n2,,\n3,2026-01-02,"second,\nline"\n'
    head = {"Content-Type": "text/csv"}
    queue = server.post("/api/labelling/queue", data=sent, headers=head).json()
    assert [(m["id"], m["label"], m["written_at"]) for m in queue["messages"]] == [
        ("1", None, "2026-01-01"),
        ("3", None, "2026-01-02"),
    ]
    assert queue["blank"] == 1
    sent_badly = b"tweet_id,text\n1,a\n1,b\n2,too,many\n"
    counted = server.post("/api/labelling/queue", data=sent_badly, headers=head).json()
    assert (counted["repeated"], counted["rejected"], len(counted["messages"])) == (1, 1, 1)
    give(server, "first", "True", id="1", written_at="2026-01-01", source="labelling")
    again = server.post("/api/labelling/queue", data=sent, headers=head).json()
    assert ([m["label"] for m in again["messages"]], again["labelled"]) == (["True", None], 1)
    unnamed = server.post("/api/labelling/queue", data=b"text\nsame\nsame\n", headers=head).json()
    assert len(unnamed["messages"]) == 1
    assert unnamed["messages"][0]["id"].startswith("text-")


def test_a_full_disk_and_a_limit_are_said_and_nothing_is_lost(trained):
    with served(trained, "--serve-labelled-bytes", "1000") as server:
        codes = [give(server, f"message {n} " + "x" * 90, "True").status_code for n in range(20)]
    assert set(codes) == {201, 507}
    assert codes == sorted(codes)
    assert len(rows_of(trained.root / "labelled.csv")) == codes.count(201)


def test_a_file_with_other_columns_is_not_touched(trained):
    path = trained.root / "mine.csv"
    path.write_text("id;text\n1;hello\n")
    done = trained.run("-m", "serving", "--serve-labelled", path)
    assert done.returncode == 3
    assert "mine.csv" in done.stderr
    assert path.read_text() == "id;text\n1;hello\n"


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("masked", "call [phone], order 5"),
        ("text", "call +44 20 7946 0958, order 5"),
        ("none", None),
        ("hash", None),
        ("off", None),
    ],
)
def test_what_is_kept_of_answered_messages(trained, mode, kept):
    text = "call +44 20 7946 0958, order 5"
    with served(trained, "--serve-capture", mode) as server:
        answer = server.post("/predict", json={"inputs": [text, ""]}, headers={"X-Request-Id": "q"})
        assert answer.headers["X-Request-Id"] == "q"
    files = list((trained.root / "captured").glob("*.csv"))
    assert len(files) == (mode != "off")
    if mode == "off":
        return
    (row,) = rows_of(files[0])
    assert row["tweet_id"] == f"{answer.headers['X-Triage-Id']}-0"
    assert row.get("text") == kept
    assert float(row["confidence"]) == answer.json()[0][0]["score"]
    if mode == "hash":
        assert len(row["text_sha256"]) == 64
    assert ("7946" in files[0].read_text()) == (mode == "text")


def test_the_monitor_joins_kept_messages_with_labels_that_come_later(trained):
    flags = ("--class", "inbound", "--rows", 150, "--seed", 8, "--out", "new")
    assert trained.run("-m", "common.data.synthetic", *flags).returncode == 0
    rows = rows_of(trained.root / "new" / "synthetic_messages.csv")
    texts, truth = [row["text"] for row in rows], [row["inbound"] for row in rows]
    with served(trained, "--serve-capture", "text") as server:
        answer = server.post("/api/classify", json={"messages": texts}).json()
        for index, label in enumerate(truth):
            about = {"request_id": answer["request_id"], "index": index}
            assert give(server, texts[index], label, **about).status_code == 201
    look = trained.run(
        *("monitor.py", "--predictions", "captured", "--labels", "labelled.csv"),
        *("--floor", "0.5", "--json"),
    )
    right = sum(a["label"] == t for a, t in zip(answer["answers"], truth, strict=True))
    found = json.loads(look.stdout)
    assert found["metrics"]["rows"] == len(rows)
    assert found["metrics"]["accuracy"] == pytest.approx(right / len(rows))


def test_the_circle_from_a_correction_to_the_champion_that_learnt_it(trained):
    """Page -> labelled file -> train.py -> contest -> champion -> hot swap -> right answer."""
    wrong = [f"the zorblax {n} of my flumox is vexed again" for n in range(400)]
    folder = trained.root / "all"
    folder.mkdir()
    trained.sample.rename(folder / "base.csv")
    labelled = folder / "labelled.csv"
    with served(trained, "--serve-poll", "0.3", "--serve-labelled", labelled) as server:
        (before,) = server.labels([wrong[0]])
        right = {"True": "False", "False": "True"}[str(before)]
        for n, text in enumerate(wrong):
            answer = give(server, text, right, predicted=before, id=f"z{n}", source="page")
            assert answer.status_code == 201
        done = trained.run("train.py", "--data", folder)
        assert done.returncode == 0, done.stderr
        eventually(lambda: server.get("/health/ready").json()["version"] == 2)
        assert server.labels([wrong[0], wrong[-1]]) == [right, right]
        look = trained.run("monitor.py", "--data", labelled, "--window", "file", "--json")
        assert json.loads(look.stdout)["metrics"]["accuracy"] == 1
