"""The pods that deploy/k8s renders run: those of its Deployments, and those of its CronJobs.

podman plays pods for Kubernetes, but knows no Service, CronJob or NetworkPolicy, and mounts a
Secret as it is written, in base64. So the server of MLflow is called by its pod's name, a CronJob's
template is played as a pod, and the tokens come as a ConfigMap; everything else is as rendered.
"""

import copy
import json
import shutil
import urllib.request

import podman
import pytest
import yaml
from helpers import ROOT
from podman import wait_for

pytestmark = pytest.mark.images
NETWORK = "triage-kube"
TOKEN = "0123456789abcdef0123456789abcdef"
CLAIMS = ("state", "messages", "mlflow")


@pytest.fixture(scope="module")
def rendered(image, tmp_path_factory):
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl")
    folder = tmp_path_factory.mktemp("rendered")
    shutil.copytree(ROOT / "deploy/k8s", folder / "k8s", ignore=shutil.ignore_patterns("tokens"))
    overlay = folder / "k8s/overlays/minikube"
    (overlay / "tokens").write_text(f"page classify,feedback {TOKEN}\n")
    text = podman.run("kubectl", "kustomize", overlay).stdout
    text = text.replace("http://mlflow:5000", "http://mlflow-pod-0:5000")
    text = text.replace("--allowed-hosts=mlflow:*", "--allowed-hosts=mlflow-pod-0:*")
    text = text.replace("image: triage-trio\n", f"image: {image}\n")
    return [found for found in yaml.safe_load_all(text) if found]


class Cluster:
    def __init__(self, rendered, folder):
        self.rendered, self.folder = rendered, folder

    def one(self, kind, name):
        return next(
            copy.deepcopy(found)
            for found in self.rendered
            if found["kind"] == kind and found["metadata"]["name"].startswith(name)
        )

    def play(self, *objects):
        for found in objects:
            found["metadata"].pop("namespace", None)
        file = self.folder / "play.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        podman.podman("play", "kube", "--network", NETWORK, file)

    def job(self, name, *words):
        """Run the pod of a CronJob, with these arguments instead of its own; its exit code."""
        template = self.one("CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]
        container = template["spec"]["containers"][0]
        if words:
            container["args"] = list(words)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, **template}
        pod["metadata"] = {"name": name}
        podman.podman("pod", "rm", "--force", name, check=False)
        self.play(self.one("ConfigMap", "settings"), *self.claims(), pod)
        code = podman.podman("wait", f"{name}-{name}").stdout.strip()
        logs = podman.podman("logs", f"{name}-{name}")
        return int(code), logs.stdout + logs.stderr

    def claims(self):
        """Those that are not there yet: this podman makes a claim once."""
        there = podman.podman("volume", "ls", "--format", "{{.Name}}").stdout.split()
        return [self.one("PersistentVolumeClaim", name) for name in CLAIMS if name not in there]


def cleaned():
    podman.podman("pod", "rm", "--all", "--force", check=False)
    podman.podman("volume", "rm", "--force", *CLAIMS, check=False)
    podman.podman("network", "rm", "--force", NETWORK, check=False)


@pytest.fixture(scope="module")
def cluster(rendered, tmp_path_factory):
    cleaned()
    podman.podman("network", "create", NETWORK)
    made = Cluster(rendered, tmp_path_factory.mktemp("played"))
    made.play(*made.claims(), made.one("ConfigMap", "settings"), made.one("Deployment", "mlflow"))
    yield made
    cleaned()


@pytest.fixture(scope="module")
def champion(cluster):
    sample = "triage sample --rows 1500 --class inbound --out /data"
    code, said = cluster.job("predict", sample)
    assert code == 0, said
    wait_for(
        lambda: "startup complete" in podman.podman("logs", "mlflow-pod-0-mlflow").stderr, "MLflow"
    )
    code, said = cluster.job("train", "train", "--data", "/data/synthetic_messages.csv")
    assert code == 0, said
    return said


def test_the_jobs_run_as_rendered(cluster, champion):
    assert "the champion" in champion
    cluster.job("predict", "mkdir /data/incoming")
    code, said = cluster.job("predict")
    assert (code, "Nothing to score" in said) == (0, True), said
    cluster.job("predict", "cp /data/synthetic_messages.csv /data/incoming/")
    code, said = cluster.job("predict")
    assert (code, "/data/scored/synthetic_messages.predictions.csv: 1,500 scored" in said) == (
        0,
        True,
    ), said


def test_an_alert_is_no_failure_and_a_failure_is_one(cluster, champion):
    pod = cluster.one("CronJob", "monitor")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (command,) = pod["containers"][0]["args"]
    assert "triage monitor --data /data/history/ " in command
    sample = "triage sample --rows 1500 --seed 7 --class inbound --out /data/history"
    alert = command.replace("triage monitor", "triage monitor --accuracy-floor 0.99")
    code, said = cluster.job("monitor", f"{sample}\n{alert}")
    assert code == 0, said
    assert "CRITICAL" in said
    code, said = cluster.job("monitor", command.replace("/data/history/", "/data/none/"))
    assert code == 3, said


def test_the_server_of_the_deployment_is_ready_and_answers(cluster, champion):
    deployment = cluster.one("Deployment", "serve")
    tokens = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "serve-tokens"}}
    tokens["data"] = {"tokens": f"page classify,feedback {TOKEN}\n"}
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    found = next(volume for volume in volumes if volume["name"] == "tokens")
    del found["secret"]
    found["configMap"] = {"name": "serve-tokens"}
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["ports"][0]["hostPort"] = 18801
    cluster.play(cluster.one("ConfigMap", "settings"), tokens, deployment)
    probe = container["readinessProbe"]["httpGet"]["path"]

    def ready():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:18801{probe}", timeout=5).status == 200
        except OSError:
            return False

    wait_for(ready, "the server")
    request = urllib.request.Request(
        "http://127.0.0.1:18801/api/classify",
        json.dumps({"messages": ["where is my order?"]}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert b"confidence" in answer.read()
