"""Messages that we made up are known by who wrote them, whatever a file of them is called."""

from __future__ import annotations

from collections.abc import Iterable

AUTHOR = "author_id"
PREFIX = "synthetic_"
BRANDS = (
    "NimbusAirHelp", "FictelCare", "BankOfNowhere", "ParcelPixieHelp", "StreamoraSupport",
    "HopRideCares", "GrocerlyHelp", "VoltFableEnergy", "InnventedStays", "GadgetoCare",
    "PlayfableHelp", "TrainlessRail",
)  # fmt: skip


def is_synthetic(authors: Iterable[str]) -> bool:
    """Whether all of some messages are ours: nobody but our customers and brands wrote them.

    Between customers and brands, our customers are numbers as in twcs.csv, whose brands exist.

    >>> is_synthetic(["synthetic_4711", "synthetic_42"]), is_synthetic(["115712", "sprintcare"])
    (True, False)
    """
    found = set(authors)
    marked = {author for author in found if author.startswith(PREFIX) or author in BRANDS}
    return bool(marked) and all(author.isdecimal() for author in found - marked)
