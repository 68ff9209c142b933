#!/usr/bin/env bash
# What builds and runs images on a bare Debian 12 without a Docker engine and without a registry of images: packages of Debian are enough.
# Needs root and a kernel with overlayfs.
#   containers.sh setup   buildah and podman from Debian, with settings of their own in $WORK
#   containers.sh base    stand-ins for the images that others publish, from Debian's packages: Python, PostgreSQL
set -euo pipefail
WORK=${WORK:-/var/tmp/triage-containers}
HERE=$(cd "$(dirname "$0")" && pwd)
export CONTAINERS_CONF=$WORK/containers.conf
PATH=$PATH:/usr/sbin:/sbin

setup() {
    mkdir -p "$WORK"
    # runc, since crun 1.8 refuses hybrid cgroups; limits of files and processes are given, since podman's own may only be set by a
    # machine's real root; files for the logs, since a bare machine may run no journal.
    cat > "$CONTAINERS_CONF" << 'CONF'
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
CONF
    command -v buildah podman mmdebstrap > /dev/null && return
    apt-get update -q > /dev/null
    # netavark calls iptables; aardvark-dns knows services by name; catatonit is the first process of pods and of `init: true`.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        buildah podman runc netavark aardvark-dns iptables catatonit mmdebstrap uidmap > /dev/null
}

# This machine's own list of Debian's packages, as mmdebstrap takes it.
sources() {
    local found=(/etc/apt/sources.list.d/*.sources)
    if [ -s /etc/apt/sources.list ]; then echo /etc/apt/sources.list; else echo "${found[0]}"; fi
}

base() {
    python_base
    buildah build --quiet --isolation chroot --pull-never --layers --format docker \
        --tag localhost/triage-postgres:test --file "$HERE/postgres.Dockerfile" "$HERE" > /dev/null
}

python_base() {
    podman image exists docker.io/library/python:3.11-slim-bookworm && return
    # Bookworm's own python3 is 3.11; the slim image has no docs and no locales either.
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,netbase,tzdata,python3,python3-venv,python3-pip \
        --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm "$WORK/base.tar" "$(sources)"
    podman import --quiet "$WORK/base.tar" localhost/bookworm:raw > /dev/null
    rm "$WORK/base.tar"
    local container root
    container=$(buildah from --pull-never localhost/bookworm:raw)
    root=$(buildah mount "$container")
    # As in the published image: pip may install, and Python is found by its short name.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -sf /usr/bin/python3 "$root/usr/local/bin/python"
    ln -sf /usr/bin/pip3 "$root/usr/local/bin/pip"
    # This machine's certificates, for pip while the image is built.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 180\n' > "$root/etc/pip.conf"
    buildah config --env LANG=C.UTF-8 --cmd python3 "$container"
    buildah umount "$container" > /dev/null
    buildah commit --quiet --rm "$container" docker.io/library/python:3.11-slim-bookworm > /dev/null
}

for step in "${@:-help}"; do
    case $step in
        setup | base) "$step" ;;
        *) sed -n '2,6p' "$0"; exit 2 ;;
    esac
done
