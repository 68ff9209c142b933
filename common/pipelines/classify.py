"""Messages in memory get their classes: nothing is written, nothing is logged.

>>> classify(["where is my order?"])    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from common import ROOT
from common.errors import InputError

if TYPE_CHECKING:  # loaded by who classifies, not by who only imports
    from common.data.tables import Table
    from common.models.base import Classifier
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.scoring.model import LoadedModel


def classify(
    messages: Sequence[str] | Table,
    *,
    text_column: str | None = None,
    proba: bool = False,
    explain: bool = False,
    model: str = "champion",
    model_name: str = "triage",
    tracking_uri: str | None = None,
) -> Table:
    """Classify messages in memory; nothing is written or logged.

    Args:
        messages: texts, or a pandas or Arrow table that has them in `text_column`.
        text_column: None: as the version was trained.
        proba, explain: add the probability of each class; the words that speak most for it.
        model: alias, `latest` or number of a version of `model_name`.

    Returns:
        The messages with prediction, confidence and model_version (and route, if the version was
        trained with AUTO_ACCURACY or the cost of a person's look), as a file of them would get
        them: an Arrow table for an Arrow table, else a DataFrame. Where there is no text, the cells
        are null.

    Raises:
        InputError: the table lacks the column, or it is not text.
        StoreError: MLflow is out of reach, or the model can't be loaded.
    """
    from common.registry import store, versions
    from common.scoring import table

    if isinstance(messages, str):
        raise InputError("messages must be a list of texts or a table, not one text: [text].")
    registry = store.connect(tracking_uri, ROOT, model_name)
    version = versions.find(registry, model)
    column = text_column or version.text_column
    if isinstance(messages, Sequence):
        import pandas as pd

        messages = pd.DataFrame({column: list(messages)}, dtype="object")
    loaded = load_model(registry, version)
    return table.classify(messages, loaded, column, with_proba=proba, with_reasons=explain)


def load_model(registry: Registry, version: Version) -> LoadedModel:
    """The version's classifier, what identifies it in outputs, and how its answers are decided."""
    from common.registry import versions

    return routed(versions.load(registry, version), version)


def routed(classifier: Classifier, version: Version) -> LoadedModel:
    """A version's classifier with its costs, and the routes that hold now.

    Raises:
        ModelUnavailable: they can't be read.
    """
    from common.registry import costs, routing
    from common.scoring.model import LoadedModel, ModelIdentity

    held = routing.in_force(version)
    key = held.key if held else ""
    identity = ModelIdentity(version.name, version.number, version.run_id, key)
    return LoadedModel(classifier, identity, routing=held, costs=costs.of(version, classifier))
