"""Scripts as forks of an interpreter that has imported the large libraries already.

Some two seconds of each script are imports of MLflow, SciPy and their like, and tests run hundreds.
A fork is a process of its own all the same: arguments, environment, folder, streams and exit code
are those of `python COMMAND`, and nothing of ours is imported before it starts. What would change
how a library is imported needs a fresh interpreter instead: `helpers.Project.run` chooses.

The only interpreter that a fork knows is the `python` beside the socket, so what it starts, as the
clean process in which a new model must answer, is a fork as well.

    python tests/warm.py serve SOCKET           import, then fork for each request; until stdin ends
    python tests/warm.py run SOCKET COMMAND     run `python COMMAND` as a fork, and end as it did
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

# What the scripts, the commands of the registry and the server import, at most.
LIBRARIES = (
    *("catboost", "charset_normalizer", "cloudpickle", "fastapi", "filelock", "httptools"),
    *("jinja2", "matplotlib.backends.backend_agg", "matplotlib.figure"),
    *("mlflow", "mlflow.artifacts", "mlflow.data.meta_dataset", "mlflow.pyfunc"),
    *("mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store"),
    *("nltk", "pandas", "prometheus_client", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"),
    *("pydantic_settings", "requests", "scipy.stats", "sklearn.feature_extraction.text"),
    *("sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "tabulate"),
    *("tqdm.contrib.logging", "uvicorn", "uvloop"),
)


def run(path: str, command: list[str]) -> None:
    """Have `command` run with this process's folder, environment and streams; end as it ends."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        # No pathlib here: this is to start at once.
        cwd = os.getcwd()  # noqa: PTH109
        leads = os.getpgrp() == os.getpid()
        asked = json.dumps([leads, command, cwd, dict(os.environ)]).encode() + b"\n"
        socket.send_fds(connection, [asked[:1]], [0, 1, 2])
        connection.sendall(asked[1:])
        for passed_on in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(passed_on, lambda number, _: connection.sendall(bytes([number])))
        status = connection.makefile().readline()
    code = os.waitstatus_to_exitcode(int(status))
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def serve(path: str) -> list[str]:
    """Fork for each request until stdin ends; returns in the forks alone, with their command."""
    import gc
    import importlib
    import select
    from pathlib import Path

    import migrated

    running: dict[socket.socket, int] = {}
    leaders: set[socket.socket] = set()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(100)
        for name in LIBRARIES:
            importlib.import_module(name)
        migrated.copied_from_now_on()
        # Which packages are installed is a second's look, at the first model of each process.
        importlib.import_module("mlflow.utils.requirements_utils")._init_modules_to_packages_map()
        gc.freeze()  # or each fork's collector would copy all pages
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        while True:
            ready = select.select([0, ended, listener, *running], [], [])[0]
            if 0 in ready:
                break
            if ended in ready:
                os.read(ended, 100)
                tell(running)
            for connection in running.keys() & set(ready):
                # Signals to be passed on; or whoever asked was killed.
                for number in connection.recv(100) or [signal.SIGKILL]:
                    pid = running[connection]
                    # One that leads a group was killed with all that it had started.
                    send = (
                        os.killpg if number == signal.SIGKILL and connection in leaders else os.kill
                    )
                    send(pid, number)
            if listener in ready:
                connection, _ = listener.accept()
                first, streams, _, _ = socket.recv_fds(connection, 1, 3)
                leads, *asked = json.loads(first + connection.makefile("rb").readline())
                if not (pid := os.fork()):
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (connection, *running):
                        each.close()
                    os.close(ended)
                    os.close(wake)
                    sys.executable = str(Path(path).with_name("python"))
                    return become(streams, *asked)
                running[connection] = pid
                if leads:
                    leaders.add(connection)
                    os.setpgid(pid, pid)
                for stream in streams:
                    os.close(stream)
    for connection, pid in running.items():
        (os.killpg if connection in leaders else os.kill)(pid, signal.SIGKILL)
    os._exit(0)


def tell(running: dict[socket.socket, int]) -> None:
    """Tell those whose forks have ended how."""
    for connection, pid in list(running.items()):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            del running[connection]
            with connection, suppress(OSError):  # whoever asked was killed
                connection.sendall(b"%d\n" % status)


def become(streams: list[int], command: list[str], cwd: str, env: dict[str, str]) -> list[str]:
    """Give this process the streams, folder and environment of another."""
    import tempfile

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    return command


def start(command: list[str]) -> None:
    """What `python COMMAND` does after its own start."""
    import runpy
    import types
    from pathlib import Path

    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.orig_argv = [sys.executable, *command]
    isolated = command[0] == "-I"
    if not isolated:
        sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if command[isolated] == "-c":
        sys.argv = command[isolated:]
        code = sys.argv.pop(1)
        sys.path[:1] = [] if isolated else [""]
        exec(compile(code, "<string>", "exec"), main.__dict__)
    elif command[0] == "-m":
        sys.argv = command[1:]
        sys.path[0] = str(Path.cwd())
        runpy._run_module_as_main(command[1])
    else:
        sys.argv = command
        sys.path[0] = str(Path(command[0]).resolve().parent)
        main.__file__ = command[0]
        exec(compile(Path(command[0]).read_bytes(), command[0], "exec"), main.__dict__)


def start_and_end(command: list[str]) -> None:
    """Start a command, and end as Python does, but for taking apart all that was imported.

    That is a fifth of a second of each fork, and the end of the process does it, too.
    """
    import atexit
    import threading

    code: object = None
    try:
        start(command)
    except SystemExit as error:
        code = error.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # else Python itself is to say so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit((code or 0) & 0xFF)
    sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], sys.argv[3:])
    start_and_end(serve(sys.argv[2]))
