"""Windows and their reference made alike before they are compared."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from common.evaluation import profile
from common.evaluation.profile import Profile

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparable:
    """Windows by name, and what they are compared with; None: nothing."""

    windows: dict[str, Profile]
    reference: Profile | None


def comparable(windows: Mapping[str, Profile], reference: Profile | None, mask: bool) -> Comparable:
    """Mask both sides if `mask` says so or the reference was stored masked.

    Only like can be compared with like; what can't be compared is said.
    """
    if reference is not None and reference.rows and not any(reference.texts()):
        logger.info(
            "The reference keeps no messages (EXAMPLES=0): words, lengths and copies are not "
            "compared."
        )
    if not mask and (reference is None or not reference.masked):
        return Comparable(dict(windows), reference)
    return Comparable(
        {name: profile.masked(window) for name, window in windows.items()},
        None if reference is None else profile.masked(reference),
    )
