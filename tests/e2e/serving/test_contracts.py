"""Every contract gives the answers of predict.py, in the form that clients of others expect."""

import csv
import io
import json
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

TEXTS = [
    "where is my order? it should have been here on Monday",
    "Thank you so much, you made my day 😊",
    "",
    "NA",
    "null",
    'two\nlines, "quoted"; with commas',
    "@brand my app CRASHES since the update!!!",
    "\u202eright to left, שלום",
    "   ",
    "x" * 5000,
    "what other\u2028programs\x85take for\x0bline ends",
    "We are sorry to hear that. Please send us a DM with your number.",
]


@pytest.fixture(scope="module")
def expected(server):
    """(prediction, confidence) of each text by predict.py; empty cells where there is no text."""
    path = server.project.root / "asked.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(TEXTS))
    done = server.project.run("predict.py", path, "-o", path.with_name("scored.csv"), "--proba")
    assert done.returncode == 0, done.stderr
    with path.with_name("scored.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(TEXTS)
    return [(row["prediction"], row["confidence"]) for row in rows]


def cells(label, confidence):
    return ("", "") if label is None else (label, str(confidence))


def test_hugging_face(server, expected):
    answer = server.post("/predict", json={"inputs": TEXTS})
    assert answer.headers["X-Model-Name"] == "triage"
    assert answer.headers["X-Model-Version"] == "1"
    found = answer.json()
    best = [(row[0]["label"], row[0]["score"]) if row else (None, None) for row in found]
    assert [cells(*each) for each in best] == expected
    assert all(abs(sum(each["score"] for each in row) - 1) < 1e-5 for row in found if row)
    one = server.post("/predict", json={"inputs": TEXTS[0], "parameters": {"top_k": 1}}).json()
    assert one == [[found[0][0]]]


@pytest.mark.parametrize("path", [":predict", "/versions/1:predict", "/labels/champion:predict"])
def test_tensorflow_serving(server, expected, path):
    answer = server.post(f"/v1/models/triage{path}", json={"instances": TEXTS})
    rows = answer.json()["predictions"]
    assert [cells(row["prediction"], row["confidence"]) for row in rows] == expected


def test_tensorflow_serving_by_columns_and_objects(server, expected):
    by_row = {"instances": [{"text": text} for text in TEXTS], "signature_name": "serving_default"}
    rows = server.post("/v1/models/triage:predict", json=by_row).json()["predictions"]
    assert [cells(row["prediction"], row["confidence"]) for row in rows] == expected
    for inputs in (TEXTS, {"text": TEXTS}):
        found = server.post("/v1/models/triage:predict", json={"inputs": inputs}).json()["outputs"]
        pairs = zip(found["prediction"], found["confidence"], strict=True)
        assert [cells(*pair) for pair in pairs] == expected


def test_tensorflow_status(server):
    status = server.get("/v1/models/triage").json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert status["ready"] is True
    assert server.get("/v1/models").json() == {"models": ["triage"]}
    assert server.get("/v1/models/other").status_code == 404
    assert server.get("/v1/models/triage/versions/7").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["id", "text"], "data": [[1, t] for t in TEXTS]}},
        {"dataframe_records": [{"text": text, "id": 1} for text in TEXTS]},
        {"instances": TEXTS},
        {"inputs": TEXTS},
        {"inputs": {"text": TEXTS}},
        {"instances": [{"text": text} for text in TEXTS], "params": {}},
    ],
    ids=["split", "records", "instances", "inputs", "columns", "objects"],
)
def test_mlflow_json(server, expected, body):
    rows = server.post("/invocations", json=body).json()["predictions"]
    assert [cells(row["prediction"], row["confidence"]) for row in rows] == expected


def test_mlflow_csv_and_json_lines_as_sagemaker_sends_them(server, expected):
    text = io.StringIO()
    csv.writer(text).writerows([["id", "text"], *enumerate(TEXTS)])
    answer = server.post(
        "/invocations",
        data=text.getvalue().encode(),
        headers={"Content-Type": "text/csv; charset=utf-8", "Accept": "text/csv"},
    )
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["prediction"], row["confidence"]) for row in rows] == expected
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS)
    kind = "application/jsonlines"
    answer = server.post(
        "/invocations", data=lines.encode(), headers={"Content-Type": kind, "Accept": kind}
    )
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [cells(row["prediction"], row["confidence"]) for row in rows] == expected
    assert server.get("/ping").status_code == 200
    assert server.get("/version").text.startswith("3.")


def test_open_inference_protocol(server, expected):
    tensor = {"name": "text", "shape": [len(TEXTS), 1], "datatype": "BYTES"}
    asked = {"id": "a", "inputs": [tensor | {"data": [[text] for text in TEXTS]}]}
    found = server.post("/v2/models/triage/infer", json=asked).json()
    assert (found["id"], found["model_version"]) == ("a", "1")
    outputs = {each["name"]: each for each in found["outputs"]}
    assert outputs["prediction"]["shape"] == [len(TEXTS), 1]
    assert outputs["prediction"]["data"] == [label for label, _ in expected]
    assert outputs["confidence"]["data"] == [float(value or 0) for _, value in expected]
    packed = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in TEXTS)
    head = json.dumps(
        {
            "inputs": [tensor | {"parameters": {"binary_data_size": len(packed)}}],
            "outputs": [{"name": "prediction"}],
        }
    ).encode()
    answer = server.post(
        "/v2/models/triage/versions/1/infer",
        data=head + packed,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    (output,) = answer.json()["outputs"]
    assert output["data"] == [label for label, _ in expected]
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/triage/ready"):
        assert server.get(path).status_code == 200


def test_own_api(server, expected):
    answer = server.post("/api/classify", json={"messages": TEXTS, "explain": True}).json()
    rows = answer["answers"]
    assert [cells(row["label"], row["confidence"]) for row in rows] == expected
    assert "order" in [each["word"] for each in rows[0]["words"]]
    assert not rows[2]["words"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_comes_back_with_the_bytes_of_predict(server, kind):
    root = server.project.root
    source, output = root / f"sent.{kind}", root / f"predicted.{kind}"
    if kind == "csv":
        source.write_text('id,"text"\r\n1,where is it?\r\n2,\r\n3,"two\nlines"\r\n', "utf-8")
    elif kind == "jsonl":
        source.write_text('{"id": 1, "text": "where is it?"}\n{"text": null}\n', "utf-8")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"n": [1, 2], "text": ["where is it?", None]}), source)
    done = server.project.run("predict.py", source, "-o", output, "--proba", "--explain", "--force")
    assert done.returncode == 0, done.stderr
    with source.open("rb") as file:
        answer = server.post("/api/batch?proba=true&explain=true", files={"file": file})
    assert answer.status_code == 200, answer.text
    assert answer.content == output.read_bytes()
    assert answer.headers["X-Rows-Scored"] == {"csv": "2", "jsonl": "1", "parquet": "1"}[kind]
    assert answer.headers["X-Rows-Blank"] == "1"


def test_rows_that_cannot_be_read_are_an_error_or_left_out_as_asked(server):
    body = b"id,text\n1,fine\n2,one,too,many\n3,fine as well\n"
    head = {"Content-Type": "text/csv"}
    refused = server.post("/api/batch", data=body, headers=head)
    assert (refused.status_code, "Line 3" in refused.json()["detail"]) == (422, True)
    taken = server.post("/api/batch?rejects=skip", data=body, headers=head)
    assert taken.headers["X-Rows-Rejected"] == "1"
    assert taken.text.count("\n") == 3


def test_many_clients_at_once_get_the_answers_of_one(server):
    messages = [f"where is order {n}? {'thanks ' * (n % 7)}" for n in range(640)]
    alone = [server.post("/predict", json={"inputs": text}).content for text in messages[:64]]
    at_once = server.post("/predict", json={"inputs": messages}).json()
    with ThreadPoolExecutor(32) as threads:
        posts = threads.map(lambda text: server.post("/predict", json={"inputs": text}), messages)
        found = [answer.content for answer in posts]
    assert found[:64] == alone
    assert [json.loads(content)[0] for content in found] == at_once


def test_openapi_says_what_there_is(server):
    paths = server.get("/openapi.json").json()["paths"]
    assert {"/predict", "/invocations", "/v2/models/{name}/infer", "/api/batch"} <= set(paths)
