"""EMBEDDINGS, as the setting names them, made into what gives a classifier vectors of messages."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.data.word_vectors import read_word_vectors
from common.errors import SettingsError
from common.models.checkpoint import CheckpointError
from common.models.embeddings import Encoder, EncoderError, WordTable
from common.setting_values import is_file, is_function
from common.text import printable

# Of a file, before anything slow starts.
LOOKED_AT = 1000
_FIND = "import importlib.util, sys; sys.exit(not importlib.util.find_spec(sys.argv[1]))"

logger = logging.getLogger(__name__)


def require(setting: str) -> None:
    """Find out early whether EMBEDDINGS can be used.

    Raises:
        InputError: the file can't be read, as far as its first words tell.
        SettingsError: a stored model would not find the module.
    """
    if is_file("embeddings", setting):
        read_word_vectors(Path(setting), LOOKED_AT)
    elif is_function(setting):
        module = setting.partition(":")[0]
        # As the logged model is checked: -I, and in a folder where there is nothing.
        with tempfile.TemporaryDirectory() as folder:
            found = subprocess.run(
                [sys.executable, "-I", "-c", _FIND, module], cwd=folder, capture_output=True
            )
        if found.returncode:
            raise SettingsError(
                f"EMBEDDINGS {setting}: there is no module {module!r} that a stored model would "
                "find. Install it as a package (pip install), here and wherever the model is used."
            )


def source_of(setting: str, all_scripts: bool = True) -> WordTable | Encoder | None:
    """What gives a classifier the vectors of messages; None if EMBEDDINGS says none.

    Args:
        all_scripts: as of the classifier.

    Raises:
        InputError: the file can't be read.
        SettingsError: the function can't be imported.
    """
    if is_file("embeddings", setting):
        path = Path(setting)
        found = read_word_vectors(path)
        if found.cut:
            logger.warning(
                "%s has more words than fit into memory: the first %s are used.",
                printable(path),
                f"{len(found.words):,}",
            )
        return WordTable.of(printable(path.name), found.words, found.vectors, all_scripts)
    if not is_function(setting):
        return None
    with encoder_errors():
        return Encoder(setting)


@contextmanager
def encoder_errors() -> Iterator[None]:
    """Raise SettingsError for what is wrong with the user's function, or checkpoint."""
    try:
        yield
    except (EncoderError, CheckpointError) as error:
        raise SettingsError(str(error)) from error
