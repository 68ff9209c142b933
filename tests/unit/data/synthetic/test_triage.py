"""The usual sample: customers write about topics, as people write."""

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import chain, islice

import numpy as np
import pytest

from common.data import split
from common.data.synthetic import phrases
from common.data.synthetic.messages import TIME_FORMAT
from common.data.synthetic.sample import write_sample
from common.data.synthetic.triage import COLUMNS, blocks
from common.models.boosted import TextClassifier
from common.models.text import tokens


def rows_of(count, seed=42):
    return list(islice(chain.from_iterable(blocks(seed)), count))


@pytest.fixture(scope="module")
def messages():
    return rows_of(10_000)


@pytest.fixture(scope="module")
def texts(messages):
    return [message.text for message in messages]


@pytest.fixture(scope="module")
def fitted(messages, texts):
    """The default model as train.py fits it, and its answers to the holdout."""
    held = split.in_holdout(split.buckets(texts), 20)
    topics = np.array([message.topic for message in messages], object)
    texts = np.array(texts, object)
    model = TextClassifier().fit(texts[~held].tolist(), topics[~held])
    return model, topics[held], model.predict(texts[held].tolist())


def test_the_same_seed_gives_the_same_messages_and_a_smaller_sample_is_the_start_of_a_larger_one():
    assert rows_of(4_000) == rows_of(9_000)[:4_000]
    assert rows_of(50, seed=1) != rows_of(50, seed=2)


def test_no_id_comes_twice_and_every_cell_is_text(messages):
    assert len({message.tweet_id for message in messages}) == len(messages)
    assert all(isinstance(cell, str) for message in messages for cell in message)
    assert all(message.text.strip() for message in messages)


def test_only_customers_write(messages):
    assert all(message.author_id.startswith("synthetic_") for message in messages)


def test_a_later_message_of_a_conversation_comes_after_the_one_before(messages):
    by_id = {int(message.tweet_id): message for message in messages}
    later = [message for message in messages if message.in_response_to_tweet_id]
    assert len(later) > 1_000
    for message in later:
        # Between the two is the brand's answer, which is not in the file.
        earlier = by_id[int(message.tweet_id) - 2]
        assert earlier.response_tweet_id == message.in_response_to_tweet_id.removesuffix(".0")
        assert earlier.author_id == message.author_id
        assert written(earlier) < written(message)


def written(message):
    return datetime.strptime(message.created_at, TIME_FORMAT)


def test_messages_are_spread_over_some_weeks(messages):
    times = [written(message) for message in messages]
    assert timedelta(weeks=2) < max(times) - min(times) < timedelta(weeks=7)
    for message in messages[:50]:
        assert written(message).strftime(TIME_FORMAT) == message.created_at


def test_classes_are_of_unequal_size_and_none_is_tiny(messages):
    for column, fewest, most in (("topic", 0.05, 0.3), ("urgency", 0.1, 0.65), ("tone", 0.05, 0.6)):
        counts = Counter(getattr(message, column) for message in messages)
        shares = [count / len(messages) for count in counts.values()]
        assert len(shares) >= 3
        assert fewest < min(shares) < 0.25 < max(shares) < most, column
    assert {message.topic for message in messages} == set(phrases.TOPICS)


def test_lengths_words_and_copies_are_like_those_of_real_messages(texts):
    # Of three public collections: 5 % have less than 23 to 34 characters, the median is 79 to 115,
    # 5 % have more than 144 to 211; 1,000 messages have 2,250 to 3,570 distinct words, and half of
    # these stand there once; .4 to 3 % of the messages are copies.
    low, middle, high = np.percentile(list(map(len, texts)), [5, 50, 95])
    assert 20 < low < 50
    assert 75 < middle < 120
    assert 140 < high < 215
    counts = Counter(token for text in texts[:1000] for token in tokens(text))
    assert len(counts) > 1_700
    assert 0.4 < sum(count == 1 for count in counts.values()) / len(counts) < 0.6
    assert 0.002 < 1 - len(set(texts)) / len(texts) < 0.03


def test_a_model_learns_much_and_not_all_and_confuses_neighbours(fitted):
    _, truth, predicted = fitted
    assert 0.85 < (predicted == truth).mean() < 0.93
    confused = Counter(zip(truth, predicted, strict=True))
    assert confused["returns", "billing"] + confused["billing", "returns"] > 2
    for topic in phrases.TOPICS:
        assert (predicted[truth == topic] == topic).mean() > 0.6, topic


def test_words_that_tell_stand_in_messages(fitted, texts):
    everything = " ".join(texts).lower()
    for words in fitted[0].telling_terms(15).values():
        for word, _ in words:
            assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", everything), word
            assert not re.match(r"@\d", word)


@pytest.mark.parametrize("text", ["NA", "👍", "null"])
def test_some_texts_look_like_missing_values(texts, text):
    assert any(re.fullmatch(rf"(@\w+ )?{text}", found) for found in texts)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[\U0001f300-\U0001faff]",
        r"https://t\.co/\w+",
        r"^@\w+ ",
        r"#\w+",
        r"\n",
        ",",
        "'",
        r"\$\d",
    ],
)
def test_texts_have_what_real_messages_have(texts, pattern):
    found = sum(bool(re.search(pattern, text)) for text in texts)
    assert 50 < found < len(texts)


def test_the_file_has_the_columns_in_order(tmp_path):
    path = write_sample(tmp_path, rows=20)
    assert path.read_text().partition("\n")[0] == ",".join(COLUMNS)
    assert COLUMNS[:4] == ("tweet_id", "author_id", "created_at", "text")
