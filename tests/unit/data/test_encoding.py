import pytest

from common.data.encoding import HEAD_BYTES, guess
from common.data.reader import MessageFile
from common.errors import InputError

GERMAN = ["Größe {k} ist falsch", "ich hätte gern mein Geld zurück {k}", "„Danke“ – schön {k}"]
RUSSIAN = ["где мой заказ номер {k}", "спасибо за быстрый ответ {k}", "хочу вернуть деньги {k}"]


def write(path, lines, encoding, rows=30, start=b"id,text\n"):
    texts = [lines[k % len(lines)].format(k=k) for k in range(rows)]
    path.write_bytes(start + b"".join(f"{k},{t}\n".encode(encoding) for k, t in enumerate(texts)))
    return path


def test_cp1252_is_guessed_and_named_with_the_place(tmp_path):
    path = write(tmp_path / "a.csv", GERMAN, "cp1252")
    with pytest.raises(InputError) as caught:
        MessageFile(path)
    said = "not UTF-8 (line 2, byte 5: 0xF6); it looks like cp1252. Name its encoding: "
    assert str(caught.value) == f"{path} is {said}--encoding cp1252."


def test_other_alphabets_are_guessed(tmp_path):
    texts = "\n".join(line.format(k=k) for line in RUSSIAN for k in range(10))
    assert guess(texts.encode("cp1251")) == "cp1251"


def test_what_is_named_is_read(tmp_path):
    from common.data.reading import Reading

    path = write(tmp_path / "a.csv", GERMAN, "cp1252")
    with MessageFile(path, reading=Reading(encoding="cp1252")) as messages:
        (chunk,) = messages
    assert chunk.table.column("text")[0].as_py() == "Größe 0 ist falsch"


@pytest.mark.parametrize("rows", [1, 9])
def test_a_few_rows_that_are_not_text_are_read_as_before(tmp_path, rows):
    path = write(tmp_path / "a.csv", GERMAN, "cp1252", rows)
    with MessageFile(path) as messages:
        (chunk,) = messages
    assert chunk.replaced == rows


def test_utf8_with_broken_rows_is_read_as_before(tmp_path):
    start = b"id,text\n" + b"".join(f"{k},größe\n".encode() for k in range(31))
    path = write(tmp_path / "a.csv", GERMAN, "cp1252", 30, start)
    with MessageFile(path) as messages:
        assert sum(chunk.replaced for chunk in messages) == 30


def test_bytes_that_are_no_text_are_not_guessed():
    assert guess(bytes(range(256)) * 20) is None


def test_a_character_that_the_look_cuts_in_two_is_not_broken(tmp_path):
    line = "1,größe ü\n".encode()
    body = b"id,text\n" + line * (HEAD_BYTES // len(line) + 100)
    for shift in range(3):
        path = tmp_path / "a.csv"
        path.write_bytes(body[:8] + b"x" * shift + body[8:])
        MessageFile(path)
