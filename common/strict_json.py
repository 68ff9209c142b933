"""Values as strict JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from common.types import Json


def without_nan(value: Json) -> Json:
    """The same with None for what is not a finite number, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
