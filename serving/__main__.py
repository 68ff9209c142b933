"""Answer over HTTP with the champion, and with a page at /.

The champion is swapped without a pause when another version is promoted or rolled back to.

    python -m serving
    python -m serving --serve-port 9000 --serve-shadow challenger
    python -m serving --serve-host 0.0.0.0 --serve-tokens tokens.txt --serve-names triage.local
"""

from __future__ import annotations

import argparse

from common import cli, flags
from common.errors import SettingsError
from common.settings import Settings
from serving import tokens
from serving.settings import ServingSettings

SHARED = ["model_name", "mlflow_tracking_uri", "mlflow_experiment_name", "id_column"]
SHARED += ["time_column", "mask", "monitor_state"]
# What the extra `serve` adds to the packages of the scripts.
EXTRA = ("httptools", "python_multipart", "uvloop")


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", "python -m serving")
    own = [field for field in ServingSettings.model_fields if field.startswith("serve_")]
    flags.add_settings(parser, [*SHARED, *own, "log_level"], ServingSettings)
    without = "listen at other addresses than loopback without tokens"
    parser.add_argument("--open", action="store_true", help=without)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    assert isinstance(settings, ServingSettings)
    known = tokens.read(settings.serve_tokens)
    if not (settings.is_local or known.are_needed or args.open):
        raise SettingsError(
            f"at {settings.serve_host} others can reach the server: name a file of tokens "
            "(SERVE_TOKENS), or add --open if something before it asks who they are."
        )
    require_extra()
    from serving.run import run

    run(settings, known, args.json)
    return 0


def require_extra() -> None:
    """Raise SettingsError, which says what to type, unless the server's packages are there."""
    from importlib.util import find_spec

    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise SettingsError(
            "the server needs more packages: make serve, or pip install 'triage-trio[serve]' "
            f"({', '.join(missing)} missing)."
        )


if __name__ == "__main__":
    cli.leave(cli.run("serving", build_parser(), main, kind=ServingSettings))
