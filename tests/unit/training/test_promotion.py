"""What a verdict says of versions that may know the rows that they were tested on."""

from common.registry.versions import FITTED_ON, UNKNOWN, Version
from common.training.contest import Verdict
from common.training.promotion import _with_doubts


def test_a_version_that_may_know_the_holdout_is_named():
    verdict = Verdict(True, "promoted", "new champion", "accuracy 0.9")
    known = Version("triage", 1, "", {FITTED_ON: "theirs.csv"})
    unknown = Version("triage", 2, "", {FITTED_ON: UNKNOWN})
    ours = Version("triage", 3, "", {})
    assert _with_doubts(verdict, known, ours, None) == verdict
    assert _with_doubts(verdict, unknown, ours).reason == (
        "new champion: accuracy 0.9; nobody knows what version 2 was fitted on, so the figures may "
        "flatter it"
    )
    assert (known.made_elsewhere, ours.made_elsewhere) == (True, False)
