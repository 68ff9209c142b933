"""Names of types that several packages use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# What JSON can hold.
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

# Told of how many units were just done.
Advance = Callable[[int], None]
# (task, unit, total) -> a context that gives an Advance; `cli.progress` is one.
Progress = Callable[[str, str, int], AbstractContextManager[Advance]]
