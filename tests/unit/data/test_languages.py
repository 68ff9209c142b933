"""The language of a message as its group, with no column that says it."""

import pyarrow as pa
import pytest

from common.data import languages as told
from common.data.columns import message_columns, require
from common.data.labelled import batches, read_split
from common.data.languages import LANGUAGE, languages
from common.errors import InputError, SettingsError
from common.monitoring import source
from common.monitoring.windows import Length

MESSAGES = {
    "en": "my parcel has not arrived yet and I am very angry",
    "de": "mein Paket ist immer noch nicht angekommen",
    "zh": "我的包裹还没有到，请尽快处理",
    "th": "พัสดุยังไม่ถึง ช่วยด้วยค่ะ",
    "ar": "طلبي لم يصل بعد أرجو المساعدة",
    "hi": "मेरा पार्सल अभी तक नहीं आया",
    "ru": "посылка до сих пор не пришла",
}


@pytest.fixture
def installed():
    pytest.importorskip("py3langid", reason="make language")


@pytest.fixture
def messages(tmp_path):
    path = tmp_path / "messages.csv"
    rows = [f"{MESSAGES[name]} {k},{k % 2}" for k in range(40) for name in ("en", "de", "zh", "th")]
    path.write_text("text,late\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.usefixtures("installed")
def test_languages_are_told_and_what_tells_none_is_unknown():
    texts = [*MESSAGES.values(), "👍", "12345", "NA", "https://t.co/x1", "", "a" * 1_000_000]
    assert languages(pa.array(texts, pa.large_string())).to_pylist() == [
        *MESSAGES,
        *["unknown"] * 6,
    ]
    assert languages(pa.array([], pa.large_string())).to_pylist() == []


@pytest.mark.usefixtures("installed")
def test_the_holdout_has_languages_where_the_file_has_no_such_column(messages):
    columns = message_columns("text", "late", segment=LANGUAGE)
    require(messages, columns)
    _, holdout, _ = read_split(messages, columns, 50)
    for text, name in zip(holdout.texts, holdout.segments, strict=True):
        assert text.startswith(MESSAGES[name])
    (batch,) = batches(messages, columns)
    assert batch.segments == ["en", "de", "zh", "th"] * 40


@pytest.mark.usefixtures("installed")
def test_predictions_have_languages_if_they_have_texts(tmp_path):
    answers, classes = tmp_path / "answers.csv", tmp_path / "classes.csv"
    classes.write_text("id,late\n1,0\n")
    columns = message_columns("text", "late", segment=LANGUAGE)
    for text, absent in (("text", ()), ("body", ("text", "@language"))):
        answers.write_text(f"id,{text},prediction,confidence\n1,hello,0,0.9\n")
        found = source.predictions(answers, classes, "id", columns, Length())
        assert found.absent == absent
        assert found.columns.segment == (None if absent else LANGUAGE)


def test_without_what_tells_languages_the_setting_is_refused(monkeypatch):
    monkeypatch.setattr(told, "_LIBRARY", "not_installed_here")
    with pytest.raises(
        SettingsError, match="@language needs not_installed_here: run make language"
    ):
        message_columns("text", "late", segment=LANGUAGE)


def test_a_file_without_a_column_of_groups_is_still_refused(messages):
    with pytest.raises(InputError, match="brand"):
        require(messages, message_columns("text", "late", segment="brand"))
