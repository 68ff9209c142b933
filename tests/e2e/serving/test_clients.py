"""Clients that others have written, as their documentation shows them, against a local address."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import requests
import tritonclient.http as triton
from huggingface_hub import InferenceClient

TEXT = "where is my order? it should have been here on Monday"


@pytest.fixture(scope="module")
def best(server):
    answer = server.post("/api/classify", json={"messages": [TEXT]}).json()["answers"][0]
    return answer["label"], answer["confidence"]


def test_hugging_face_in_python(server, best):
    client = InferenceClient(model=f"{server.address}/predict")
    found = client.text_classification(TEXT)
    assert (found[0].label, found[0].score) == best
    assert len(client.text_classification(TEXT, top_k=1)) == 1


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm")
def test_hugging_face_in_javascript(server, best, tmp_path):
    installed = subprocess.run(
        ["npm", "install", "--silent", "@huggingface/inference@4"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    if installed.returncode:
        pytest.skip("the package can't be had")
    script = tmp_path / "ask.mjs"
    script.write_text(
        'import { textClassification } from "@huggingface/inference";\n'
        "const found = await textClassification({\n"
        "  endpointUrl: process.argv[2], inputs: process.argv[3]\n"
        "});\n"
        "console.log(JSON.stringify(found));\n"
    )
    done = subprocess.run(
        ["node", script, f"{server.address}/predict", TEXT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)[0]
    assert (first["label"], first["score"]) == best


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_triton(server, best, binary):
    client = triton.InferenceServerClient(server.address.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("triage")
    assert client.get_model_metadata("triage")["outputs"][0]["datatype"] == "BYTES"
    asked = triton.InferInput("text", [2], "BYTES")
    asked.set_data_from_numpy(np.array([TEXT, "thank you 😊"], object), binary_data=binary)
    answer = client.infer("triage", [asked])
    label = answer.as_numpy("prediction")[0]
    assert (label.decode() if isinstance(label, bytes) else label) == best[0]
    assert answer.as_numpy("confidence")[0] == best[1]
    wanted = [triton.InferRequestedOutput("confidence", binary_data=False)]
    only = client.infer("triage", [asked], outputs=wanted, model_version="1")
    assert only.as_numpy("prediction") is None


def test_tensorflow_serving_as_its_documentation_asks(server, best):
    """tensorflow.org/tfx/serving/api_rest: a POST of json.dumps without a content type."""
    data = json.dumps({"signature_name": "serving_default", "instances": [TEXT]})
    headers = {"content-type": "application/json"}
    answer = requests.post(
        f"{server.address}/v1/models/triage:predict", data=data, headers=headers, timeout=20
    )
    (found,) = json.loads(answer.text)["predictions"]
    assert (found["prediction"], found["confidence"]) == best


def test_mlflow_deployments_as_its_documentation_asks(server, best):
    """mlflow.org: curl with dataframe_split."""
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[TEXT]]}})
    done = subprocess.run(
        [
            *("curl", "-s", f"{server.address}/invocations"),
            *("-H", "Content-Type:application/json", "--data", body),
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )
    (found,) = json.loads(done.stdout)["predictions"]
    assert (found["prediction"], found["confidence"]) == best
