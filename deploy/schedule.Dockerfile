# The image, and Prefect in an environment of its own: it can't share that of MLflow.
#
#   docker build -f deploy/schedule.Dockerfile -t triage-trio-schedule .
ARG TRIAGE=triage-trio

FROM ${TRIAGE} AS packages
# hadolint ignore=DL3002
USER 0
COPY flows/requirements.lock /locks/requirements.lock
# The image has no pip; that of its base installs. One file is for later versions of Python only.
RUN --mount=type=cache,target=/root/.cache/pip \
    /usr/local/bin/python -m venv --without-pip /opt/flows \
    && HOME=/root PYTHONSAFEPATH='' /usr/local/bin/pip --python /opt/flows/bin/python install --quiet --no-compile --only-binary :all: --require-hashes \
    -r /locks/requirements.lock \
    && /opt/flows/bin/python -m compileall -q -j 0 -x _typing_312 --invalidation-mode unchecked-hash /opt/flows/lib

FROM ${TRIAGE}
COPY --from=packages /opt/flows /opt/flows
COPY flows /app/flows
USER 0
# The flows run the scripts with the Python of the project.
RUN ln -s /opt/venv /app/.venv \
    && echo /app > "$(echo /opt/flows/lib/python3.*/site-packages)/triage.pth" \
    && /opt/flows/bin/python -m compileall -q --invalidation-mode unchecked-hash /app/flows \
    && install --directory --owner 10001 --group 10001 --mode 0750 /prefect
USER 10001:10001
ENV PREFECT_HOME=/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
EXPOSE 4200
HEALTHCHECK NONE
ENTRYPOINT ["/opt/flows/bin/python", "-m", "flows"]
CMD []
