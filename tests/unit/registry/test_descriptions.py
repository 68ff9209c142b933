"""MLflow's pages say who is champion and why, whatever became of a version later."""

from dataclasses import replace

from common.registry import descriptions
from common.registry.register import Entry

FIRST = Entry(1, 1, None, "contest", "2026-03-01T08:00:00+00:00", "train.py", "first champion: .9")
BY_HAND = Entry(2, 4, 1, "manual", "2026-03-02T08:00:00+00:00", "ann", "approved | checked")
BACK = Entry(3, 1, 4, "rollback", "2026-03-03T08:00:00+00:00", "ann", "it was worse")


def test_the_history_is_a_table_the_newest_first():
    text = descriptions.of_model([FIRST, BY_HAND, BACK])
    assert text.startswith("Champion: version 1.\n\n| since")
    rows = text.splitlines()[4:]
    assert [row.split("|")[4].strip() for row in rows] == [
        "rolled back to",
        "promoted by hand",
        "won its contest",
    ]
    assert "approved / checked" in rows[1]
    assert descriptions.of_model([replace(FIRST, version=None)]).startswith("There is no champion.")


def test_a_long_history_fits_and_says_how_much_is_left_out():
    entries = [replace(FIRST, number=k, reason="x" * 500) for k in range(1, 200)]
    text = descriptions.of_model(entries)
    assert 4000 < len(text) <= descriptions.LONGEST
    assert "older entries: `python -m common.registry history`" in text


def test_a_version_keeps_its_contest_beside_what_became_of_it():
    contest = "Champion stays: accuracy .8.\n\n| metric | ..."
    champion = descriptions.of_champion(BY_HAND, contest)
    said = "Champion since 2026-03-02 08:00 UTC, promoted by hand: approved | checked."
    assert champion == f"{said}\n\nIts contest: {contest}"
    replaced = descriptions.of_replaced(BACK, champion)
    assert replaced.startswith("No longer champion: replaced by version 1 on 2026-03-03")
    assert replaced.count(contest) == 1
    again = descriptions.of_champion(replace(BACK, version=4), replaced)
    assert again.startswith("Champion since 2026-03-03 08:00 UTC, by a rollback: it was worse.")
    assert again.count(contest) == 1
