from common.sample import COLUMNS, generate


def test_gives_exactly_the_rows_asked_for_and_the_same_ones_again():
    rows = [row for block in generate(12_001) for row in block]
    assert len(rows) == 12_001
    assert rows[:4_999] == [row for block in generate(4_999) for row in block]
    assert len({row[COLUMNS.index("tweet_id")] for row in rows}) == len(rows)
