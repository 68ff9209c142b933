"""Inputs and outputs behind addresses, against a real S3 server on loopback."""

import json

import pytest
from helpers import free_port, serving

INPUT = 3
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "very-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    found = f"http://127.0.0.1:{port}"
    with serving(["moto.server", "-p", str(port)], found, folder / "s3.log"):
        yield found


@pytest.fixture
def bucket(address, request):
    import boto3

    names = {name.lower().removesuffix("_id"): value for name, value in CREDENTIALS.items()}
    s3 = boto3.resource(
        "s3",
        endpoint_url=address,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=names["aws_default_region"],
    )
    bucket = s3.Bucket(f"b{abs(hash(request.node.name))}")
    bucket.create(ACL="public-read")
    return bucket


@pytest.fixture
def project(trained, address, tmp_path):
    trained.env.update(CREDENTIALS, AWS_ENDPOINT_URL=address, TMPDIR=str(tmp_path))
    lines = trained.sample.read_text().splitlines(keepends=True)
    for name, rows in {"a.csv": lines[1:200], "b.csv": [*lines[200:300], "ragged\n"]}.items():
        (trained.root / name).write_text("".join([lines[0], *rows]))
    return trained


def put(bucket, project, *names, folder="new"):
    for name in names:
        bucket.upload_file(
            str(project.root / name), f"{folder}/{name}", ExtraArgs={"ACL": "public-read"}
        )
    return f"s3://{bucket.name}/{folder}"


def content(bucket, key):
    return bucket.Object(key).get()["Body"].read()


def keys(bucket, prefix=""):
    return sorted(found.key for found in bucket.objects.filter(Prefix=prefix))


def test_a_remote_file_is_scored_as_a_local_one(bucket, project):
    place = put(bucket, project, "b.csv")
    target = f"s3://{bucket.name}/out/b.csv"
    done = project.run("predict.py", f"{place}/b.csv", "-o", target)
    assert done.returncode == 0, done.stderr
    local = project.run("predict.py", "b.csv", "-o", "local.csv")
    assert local.returncode == 0, local.stderr
    assert content(bucket, "out/b.csv") == (project.root / "local.csv").read_bytes()
    rejects = project.root / "local.csv.rejects.csv"
    assert content(bucket, "out/b.csv.rejects.csv") == rejects.read_bytes()
    manifest = json.loads(content(bucket, "out/b.csv.manifest.json"))
    assert manifest["input"]["path"] == f"{place}/b.csv"
    assert manifest["output"]["rejects"] == f"{target}.rejects.csv"
    assert "very-secret" not in done.stdout + done.stderr + project.log("predict")
    again = project.run("predict.py", f"{place}/b.csv", "-o", target)
    assert "nothing to do" in again.stdout


def test_a_remote_folder_becomes_a_versioned_folder(bucket, project):
    (project.root / "_SUCCESS").touch()
    place = put(bucket, project, "a.csv", "b.csv", "_SUCCESS")
    flags = ("--output-dir", f"s3://{bucket.name}/lake", "--run-date", "2026-03-01")
    done = project.run("predict.py", place, *flags, "--run-id", "x")
    assert done.returncode == 0, done.stderr
    folder = "lake/run_date=2026-03-01/run_id=x/"
    assert [key.removeprefix(folder) for key in keys(bucket, "lake")] == [
        "_SUCCESS",
        "_manifest.json",
        "_part-00000.parquet.manifest.json",
        "_part-00001.parquet.manifest.json",
        "_part-00001.parquet.rejects.csv",
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    other = project.run("predict.py", place, *flags, "--run-id", "x", "--proba")
    assert other.returncode == INPUT
    assert "set another --run-id" in other.stderr


def test_remote_messages_are_prepared_as_local_ones_and_half_a_run_is_not_read(
    bucket, project, tmp_path
):
    place, lake = put(bucket, project, "a.csv", "b.csv"), f"s3://{bucket.name}/lake"
    command = ("-m", "common.prepare", place, lake, "--run-date", "2026-03-01", "--run-id", "x")
    done = project.run(*command, "--json")
    assert done.returncode == 0, done.stderr
    (project.root / "raw").mkdir()
    for name in ("a.csv", "b.csv"):
        (project.root / name).rename(project.root / "raw" / name)
    flags = ("--run-date", "2026-03-01", "--run-id", "x")
    local = project.run("-m", "common.prepare", "raw", "local", *flags, "--json")
    assert local.returncode == 0, local.stderr
    remote_facts, local_facts = json.loads(done.stdout), json.loads(local.stdout)
    assert remote_facts["rows"] == local_facts["rows"]
    assert remote_facts["files"][1]["input"]["path"] == f"{place}/b.csv"
    folder = "run_date=2026-03-01/run_id=x"
    found = {key.rpartition("/")[2]: key for key in keys(bucket, "lake")}
    written = list((project.root / "local" / folder).iterdir())
    assert set(found) == {path.name for path in written}
    assert "_part-00001.parquet.rejects.csv" in found
    for path in written:
        if path.name.startswith("part-") or path.name.endswith("rejects.csv"):
            assert content(bucket, found[path.name]) == path.read_bytes()
    again = project.run(*command)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
    other = project.run(*command, "--label-with", "keywords")
    assert other.returncode == INPUT
    assert f"{lake}/{folder}/part-00000.parquet belongs to a complete run" in other.stderr
    scored = project.run("predict.py", f"{lake}/{folder}", "-o", tmp_path / "scored", "--json")
    assert scored.returncode == 0, scored.stderr
    total = json.loads(scored.stdout)["total"]
    assert (total["inputs"], total["rows"]["scored"]) == (2, remote_facts["rows"]["written"])
    bucket.Object(found["_SUCCESS"]).delete()
    half = project.run("predict.py", lake, "-o", tmp_path / "half")
    assert half.returncode == INPUT
    assert f"{lake} has no complete run" in half.stderr
    assert not [path for path in tmp_path.glob("triage-trio-*/*") if path.is_dir()]


def test_a_web_address_is_read_and_its_signature_is_not_shown(bucket, project, address):
    put(bucket, project, "a.csv")
    url = f"{address}/{bucket.name}/new/a.csv?signature=very-secret"
    done = project.run("predict.py", url, "-o", "web.csv")
    assert done.returncode == 0, done.stderr
    assert len((project.root / "web.csv").read_text().splitlines()) > 150
    manifest = (project.root / "web.csv.manifest.json").read_text()
    assert "very-secret" not in manifest + done.stderr + project.log("predict")


@pytest.mark.parametrize(
    ("place", "env", "says"),
    [
        ("s3://{bucket}/new/none.csv", {}, "there is no file to read"),
        ("s3://no-such-bucket/none.csv", {}, "bucket does not exist"),
        ("s3://{bucket}/a.csv", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "can't be reached"),
    ],
)
def test_what_cannot_be_reached_is_one_line(bucket, project, place, env, says):
    place = place.format(bucket=bucket.name)
    done = project.run("predict.py", place, "-o", "x.csv", **env)
    assert done.returncode == INPUT
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (project.root / "x.csv").exists()


def test_an_unknown_kind_of_address_is_one_line(project):
    done = project.run("predict.py", "gopher://x/a.csv", "-o", "x.csv")
    assert done.returncode == 2
    assert "gopher" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_column_that_is_missing_leaves_nothing_behind(bucket, project, tmp_path):
    place = put(bucket, project, "a.csv")
    done = project.run("predict.py", f"{place}/a.csv", "-o", "x.csv", "--text-column", "tekst")
    assert done.returncode == INPUT
    assert f"{place}/a.csv has no column 'tekst'" in done.stderr
    assert not [path for path in tmp_path.glob("triage-trio-*/*") if path.is_dir()]
