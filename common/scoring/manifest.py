"""What a run of predict.py has done, over all of its inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def of(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums and means of the manifests of one run, of which there is at least one.

    `seconds` are those of all inputs, also where Spark scores many at once, so that
    `rows_per_second` is the rate of one task. `files` has what each input gave.
    """
    first = manifests[0]
    rows = _sum(manifest["rows"] for manifest in manifests)
    sure = sum((m["mean_confidence"] or 0) * m["rows"]["scored"] for m in manifests)
    seconds = sum(manifest["seconds"] for manifest in manifests)
    total = {
        "model": first["model"],
        "inputs": len(manifests),
        "done_already": sum(bool(manifest.get("done_already")) for manifest in manifests),
        "rows": rows,
        "replaced_cells": sum(manifest["replaced_cells"] for manifest in manifests),
        "classes": _sum(manifest["classes"] for manifest in manifests),
        "mean_confidence": round(sure / rows["scored"], 6) if rows["scored"] else None,
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows["read"] / seconds, 1) if seconds else None,
        "files": [
            {name: manifest[name] for name in ("input", "output", "rows")} for manifest in manifests
        ],
    }
    if "shadow" in first:
        shadows = [manifest["shadow"] for manifest in manifests]
        compared = sum(shadow["rows"] for shadow in shadows)
        agreeing = sum(shadow["agreeing"] for shadow in shadows)
        total["shadow"] = {
            "model": shadows[0]["model"],
            "rows": compared,
            "agreement": round(agreeing / compared, 6) if compared else None,
        }
    return total


def _sum(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)
