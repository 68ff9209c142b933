"""The page in a real browser: classify, label, look back; by keyboard, in the dark, on a phone."""

import csv
import shutil

import pytest
from browsing import BROWSER, browser, tab
from helpers import copy_project
from serving_helpers import eventually, served

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium")

MESSAGES = [
    "Where is my parcel? It was due on Monday.",
    "I was charged twice, please refund one of the payments.",
    "The app crashes every time I open my profile.",
    "I can't log in, the password reset link never arrives.",
]
HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src='http://127.0.0.1:9/pixel' onerror=\"document.title='owned'\">",
    "</li></ol></main><style>body{background:url(http://127.0.0.1:9/css)}</style>",
    "שלום \u202e right to left",
    "😡 " + "long" * 400,
    "{{7*7}} ${7*7} javascript:alert(1)",
]
VIEWS = ["/", "/label", "/history"]


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A champion, a challenger, and an incident in a history of days."""
    project = copy_project(tmp_path_factory.mktemp("page") / "project")
    flags = ("--scenario", "sudden-drift", "--days", "14", "--change-day", "8")
    done = project.run("-m", "common.data.synthetic", *flags, "--out", "history")
    assert done.returncode == 0, done.stderr
    rows = (project.root / "history" / "train.csv").read_text("utf-8").splitlines(keepends=True)
    for count in (4000, 300):
        (project.root / f"{count}.csv").write_text("".join(rows[:count]), "utf-8")
        done = project.run("train.py", "--data", f"{count}.csv")
        assert done.returncode == 0, done.stderr
    days = project.root / "days"
    days.mkdir()
    for path in (project.root / "history").glob("2026-*.csv"):
        shutil.copy(path, days)
    monitored = ("--data", days, "--window", "1d", "--label-days", "9999")
    done = project.run("monitor.py", *monitored)
    assert done.returncode < 3, done.stderr
    with served(project) as running:
        yield running


@pytest.fixture
def at(chromium, server):
    with tab(chromium, server.address) as opened:
        yield opened


def labelled(server):
    """The rows of the file that labels go to."""
    path = server.project.root / "labelled.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def label_of(server, text):
    found = [row for row in labelled(server) if row["text"] == text]
    return found[-1]["topic"] if found else None


def csv_of(texts, ids="m"):
    rows = "".join(f'{ids}{number},"{text}"\n' for number, text in enumerate(texts))
    return f"tweet_id,text\n{rows}".encode()


# --- classify


def test_answers_come_as_one_types_with_the_words_that_moved_them(at, server):
    at.open()
    assert "SYNTHETIC" in at.text("#notices")
    at.page.locator("#messages").press_sequentially(MESSAGES[0], delay=5)
    at.wait("document.querySelectorAll('.answer mark').length > 0")
    at.type("\n".join(MESSAGES))
    said = server.post("/api/classify", json={"messages": MESSAGES, "explain": True}).json()
    answers = said["answers"]
    assert at.texts(".label strong") == [answer["label"] for answer in answers]
    shown = at.texts(".confidence")
    assert shown == [f"{100 * answer['confidence']:.1f} %" for answer in answers]
    # The message stays as it was written, with marks in it.
    assert at.texts(".answer .text") == MESSAGES
    for number, answer in enumerate(answers):
        marks = set(at.texts(f".answers li:nth-child({number + 1}) mark"))
        assert marks
        assert marks <= {word["word"] for word in answer["words"]}
    assert "version 1 (champion)" in at.text(".by")
    assert "4 messages" in at.text("#summary")
    width = at.page.locator(".fill").first.evaluate("bar => bar.style.width")
    assert float(width.rstrip("%")) == pytest.approx(100 * answers[0]["confidence"], abs=0.01)
    at.wait("document.getElementById('live').textContent.startsWith('4 messages')")


def test_a_word_is_marked_wherever_it_stands_whole_in_capitals_or_not(at):
    at.open()
    at.type("Refund me! REFUND (refund) refundable c++ [a-z]* refund")
    marks = at.texts("mark")
    assert [word for word in marks if word.lower() == "refund"] == [
        *("Refund", "REFUND", "refund", "refund")
    ]


def test_the_latest_text_wins_over_a_late_answer(at):
    def late(route):
        if MESSAGES[0] in (route.request.post_data or ""):
            at.page.wait_for_timeout(700)
        route.continue_()

    at.open()
    at.page.route("**/api/classify", late)
    at.page.fill("#messages", MESSAGES[0])
    at.page.wait_for_timeout(250)
    at.page.fill("#messages", MESSAGES[1])
    at.page.wait_for_timeout(1500)
    assert at.texts(".answer .text") == [MESSAGES[1]]


def test_lines_that_are_answered_are_not_asked_again(at):
    asked = []
    at.open()
    at.page.on("request", lambda request: asked.append(request.post_data_json))
    at.type(MESSAGES[0])
    at.type(f"{MESSAGES[0]}\n{MESSAGES[1]}")
    assert [each["messages"] for each in asked] == [[MESSAGES[0]], [MESSAGES[1]]]


def test_another_version_answers_and_is_compared(at, server):
    at.open()
    at.type("\n".join(MESSAGES))
    at.page.select_option("#model", "challenger")
    at.page.wait_for_selector(".by:has-text('version 2')")
    asked = {"messages": MESSAGES, "model": "challenger"}
    answers = server.post("/api/classify", json=asked).json()["answers"]
    second = [answer["label"] for answer in answers]
    assert at.texts(".label strong") == second
    at.page.select_option("#compare", "champion")
    at.page.wait_for_selector(".pair")
    first = server.labels(MESSAGES)
    differing = sum(one != other for one, other in zip(first, second, strict=True))
    assert at.page.locator(".answer.differs").count() == differing
    assert f"differs on {differing}" in at.text("#summary")
    at.page.check("#only-differences")
    assert at.page.locator(".answer").count() == differing


def test_many_messages_are_drawn_in_portions(at):
    at.open()
    at.page.fill("#messages", "\n".join(f"where is my parcel {n}?" for n in range(1200)))
    at.page.wait_for_selector("#more button")
    assert at.page.locator(".answer").count() == 40
    assert "1,000 messages" in at.text("#summary")
    assert "200 are left out" in at.text("#count")
    at.page.click("#more button")
    assert at.page.locator(".answer").count() == 80
    assert at.page.evaluate("document.activeElement.querySelector('.text').textContent") == (
        "where is my parcel 40?"
    )


def test_a_server_that_is_gone_is_told_and_tried_again(at):
    at.open()
    at.page.route("**/api/classify", lambda route: route.abort())
    at.page.fill("#messages", MESSAGES[0])
    at.page.wait_for_selector("#trouble [role=alert]")
    assert "can't be reached" in at.text("#trouble")
    at.page.unroute("**/api/classify")
    at.page.click("text=Try again")
    at.page.wait_for_selector(".answer")
    assert at.page.locator("#trouble [role=alert]").count() == 0
    at.forgive("ERR_FAILED")


# --- a whole file


def test_a_dropped_file_comes_back_as_predict_py_writes_it(at, server):
    project = server.project
    content = csv_of([*MESSAGES, " "])
    (project.root / "asked.csv").write_bytes(content)
    done = project.run("predict.py", "asked.csv", "-o", "scored.csv")
    assert done.returncode == 0, done.stderr
    at.open()
    at.drop("orders.csv", content.decode())
    with at.page.expect_download() as loading:
        at.page.click(".download")
    download = loading.value
    assert download.suggested_filename == "orders-scored.csv"
    assert download.path().read_bytes() == (project.root / "scored.csv").read_bytes()
    assert "4 rows scored by version 1, 1 row without text." in at.text(".sending")


def test_rows_that_cannot_be_read_are_told_and_can_be_left_out(at):
    at.open()
    at.choose_file("broken.csv", b'tweet_id,text\n1,fine\n2,too,many,cells\n3,"also fine"\n')
    at.page.wait_for_selector(".sending [role=alert]")
    assert "Line 3 can't be read" in at.text(".sending")
    at.page.click("button:text('Leave such rows out')")
    at.page.wait_for_selector(".download")
    assert "2 rows scored by version 1, 1 row that can't be read, left out." in at.text(".sending")
    at.forgive("422")


def test_a_file_without_the_column_can_name_another(at):
    at.open()
    at.choose_file("other.csv", b"number,body\n1,where is it\n")
    at.page.wait_for_selector(".sending [role=alert]")
    assert "no text column" in at.text(".sending")
    at.page.fill("#text-column", "body")
    at.page.click("text=Try again")
    at.page.wait_for_selector(".download")
    at.forgive("422")


def test_a_file_that_the_server_would_not_take_is_not_sent(at, server):
    info = server.get("/api/info").json()
    info["limits"]["file_bytes"] = 5000
    at.page.route("**/api/info", lambda route: route.fulfill(json=info))
    at.open()
    at.choose_file("large.csv", b"x" * 6000)
    at.page.wait_for_selector(".sending [role=alert]")
    assert "6.0 kB, more than the 5.0 kB" in at.text(".sending")


# --- right, wrong, undo


def test_feedback_is_kept_and_taken_back_by_single_keys(at, server):
    texts = ["my parcel never came, number 17", "please refund the order number 18"]
    at.open()
    at.type("\n".join(texts))
    predicted = at.texts(".label strong")
    # In the box keys are letters.
    at.page.focus("#messages")
    at.press("End", "r")
    assert label_of(server, texts[1]) is None
    at.press("Backspace")
    at.type("\n".join(texts))
    at.page.focus(".answer")
    at.press("r")
    at.page.wait_for_selector(".feedback .good")
    assert label_of(server, texts[0]) == predicted[0]
    row = labelled(server)[-1]
    assert (row["source"], row["prediction"], row["model_version"]) == ("page", predicted[0], "1")
    assert row["labelled_by"] == "local"
    at.press("u")
    eventually(lambda: label_of(server, texts[0]) is None)
    at.press("ArrowDown", "w")
    choices = at.texts(".choice bdi")
    assert predicted[1] not in choices
    key = at.texts(".choice kbd")[1]
    # A class has the same key as when one labels.
    assert server.get("/api/info").json()["classes"][int(key) - 1] == choices[1]
    at.press(key)
    at.page.wait_for_selector(".feedback .bad")
    assert label_of(server, texts[1]) == choices[1]
    at.press("u")
    eventually(lambda: label_of(server, texts[1]) is None)


def test_a_label_that_was_not_kept_is_told(at):
    at.open()
    at.type(MESSAGES[0])
    at.page.route("**/api/feedback", lambda route: route.abort())
    at.page.click("button:has-text('Right')")
    at.page.wait_for_selector(".feedback [role=alert]")
    assert "not kept" in at.text(".feedback")
    at.forgive("ERR_FAILED")


# --- labelling


def test_labelling_by_keyboard_alone_with_undo_and_resume(at, server):
    texts = [f"labelled by keyboard, message {number}" for number in range(4)]
    content = csv_of(texts, "kept/?#")
    classes = server.get("/api/info").json()["classes"]
    at.open("/label")
    at.press("Tab")
    at.choose_file("waiting.csv", content)
    at.page.wait_for_selector(".message")
    assert at.text(".message .text") == texts[0]
    assert "0 of 4" in at.text(".progress")
    at.press("3")
    at.wait(f"document.querySelector('.message .text').textContent === {texts[1]!r}")
    assert label_of(server, texts[0]) == classes[2]
    at.press("s")
    assert at.text(".message .text") == texts[2]
    at.press("1")
    at.wait(f"document.querySelector('.message .text').textContent === {texts[3]!r}")
    assert "2 of 4" in at.text(".progress")
    assert label_of(server, texts[2]) == classes[0]
    at.press("u")
    at.wait(f"document.querySelector('.message .text').textContent === {texts[2]!r}")
    assert label_of(server, texts[2]) is None
    at.press("f")
    assert at.text(".message .text") == texts[1]
    at.press("ArrowLeft")
    assert at.text(".message .text") == texts[0]
    assert at.page.locator(".classes [aria-pressed=true] bdi").inner_text() == classes[2]
    at.press("ArrowRight", "2")
    at.wait(f"document.querySelector('.message .text').textContent === {texts[2]!r}")
    at.page.reload()
    at.choose_file("waiting.csv", content)
    at.page.wait_for_selector(".message")
    assert at.text(".message .text") == texts[2]
    assert "2 of 4" in at.text(".progress")
    row = next(row for row in labelled(server) if row["text"] == texts[1])
    assert (row["tweet_id"], row["source"]) == ("kept/?#1", "labelling")


def test_the_models_suggestion_is_hidden_until_it_is_asked_for(at, server):
    at.open("/label")
    at.drop("waiting.csv", csv_of(MESSAGES, "hint").decode())
    at.page.wait_for_selector(".message")
    assert at.text(".suggestion") == ""
    at.press("h")
    first, second = server.labels(MESSAGES[:2])
    at.page.wait_for_selector(".suggestion strong")
    assert first in at.text(".suggestion")
    at.press("s")
    assert at.text(".suggestion") == ""
    at.page.check("text=Show the suggestion with every message")
    at.page.wait_for_selector(f".suggestion:has-text('{second}')")


def test_the_message_stays_when_its_label_was_not_taken(at, server):
    at.open("/label")
    at.choose_file("waiting.csv", csv_of(MESSAGES, "lost"))
    at.page.wait_for_selector(".message")
    at.page.route("**/api/feedback", lambda route: route.abort())
    at.press("1")
    at.page.wait_for_selector("#bench [role=alert]")
    assert at.text(".message .text") == MESSAGES[0]
    assert "0 of 4" in at.text(".progress")
    at.page.unroute("**/api/feedback")
    at.page.click("text=Try again")
    at.wait(f"document.querySelector('.message .text').textContent === {MESSAGES[1]!r}")
    at.forgive("ERR_FAILED")


def test_single_keys_can_be_switched_off(at, server):
    at.open("/label")
    at.choose_file("waiting.csv", csv_of(MESSAGES, "off"))
    at.page.uncheck("text=Use single keys")
    at.press("1", "s")
    assert at.text(".message .text") == MESSAGES[0]
    at.page.click(".classes button")
    at.wait(f"document.querySelector('.message .text').textContent === {MESSAGES[1]!r}")


def test_classes_beyond_the_digits_have_letters_that_mean_nothing_else(at, server):
    info = server.get("/api/info").json() | {"classes": [f"class {n}" for n in range(40)]}
    at.page.route("**/api/info", lambda route: route.fulfill(json=info))
    at.open("/label")
    at.choose_file("waiting.csv", csv_of(MESSAGES, "many"))
    at.page.wait_for_selector(".message")
    keys = at.texts(".classes kbd")
    assert keys[:11] == [*"123456789ab"]
    assert len(keys) == len(set(keys)) == 29
    assert not set(keys) & {*"fhsu"}


# --- history


def test_history_shows_incidents_first_then_windows_champions_and_versions(at, server):
    at.open("/history")
    at.page.wait_for_selector(".incident")
    found = server.get("/api/history").json()
    assert at.texts("h2") == ["Open incidents", "Accuracy over time", "Champions", "Versions"]
    assert at.page.locator(".incident").count() == len(found["incidents"]) > 0
    assert at.page.locator(".hit").count() == len(found["windows"]) == 14
    at.page.click("text=The figures as a table")
    assert at.page.locator("details tbody tr").count() == 14
    assert "version 2" in at.text("section:nth-of-type(4) tbody")
    assert "champion stays" in at.text("section:nth-of-type(4) tbody")


def test_estimated_windows_and_gaps_are_drawn_as_such(at, server):
    found = server.get("/api/history").json()
    windows = found["windows"]
    for window in windows[4:6]:
        window |= {"accuracy": None, "lower": None, "upper": None, "status": "UNKNOWN"}
    for window in windows[9:]:
        window |= {"is_estimate": True, "status": "UNKNOWN", "version": 2}
    found["incidents"], found["windows"] = [], windows
    at.page.route("**/api/history", lambda route: route.fulfill(json=found))
    at.open("/history")
    at.page.wait_for_selector(".hit")
    assert at.page.locator(".course:not(.guessed)").count() == 2
    assert at.page.locator("polyline.course.guessed").count() == 1
    assert "version 2" in at.page.text_content("svg.timeline")
    assert "estimated without labels" in at.text("figcaption")
    assert "No incident is open." in at.text("#history")


# --- tokens


def test_a_token_is_asked_for_and_kept_for_this_tab_alone(chromium, server, tmp_path):
    token = "a-token-that-is-long"
    (tmp_path / "tokens.txt").write_text(f"ann classify,feedback {token}\n")
    flags = ("--serve-tokens", tmp_path / "tokens.txt", "--serve-labelled", tmp_path / "a.csv")
    with served(server.project, *flags) as guarded, tab(chromium, guarded.address) as at:
        at.page.goto(guarded.address)
        at.page.wait_for_selector("dialog[open]")
        assert at.page.evaluate("document.activeElement.id") == "token"
        assert at.findings() == []
        at.page.keyboard.type("wrong-token-that-is-long")
        at.press("Enter")
        at.page.wait_for_selector("dialog:has-text('did not take')")
        at.page.keyboard.type(token)
        at.press("Enter")
        at.page.wait_for_selector("dialog", state="detached")
        at.type(MESSAGES[0])
        assert at.page.evaluate("Object.keys(localStorage).length") == 0
        assert at.page.evaluate("document.cookie") == ""
        assert at.page.evaluate("Object.entries(sessionStorage)") == [["triage-token", token]]
        at.page.click("text=Change token")
        at.page.wait_for_selector("dialog[open]")
        assert at.page.evaluate("Object.keys(sessionStorage).length") == 0
        at.press("Escape")
        at.page.wait_for_selector("#trouble [role=alert]")
        at.forgive("401")


def test_what_a_token_may_not_do_is_told(chromium, server, tmp_path):
    token = "a-token-that-may-little"
    (tmp_path / "tokens.txt").write_text(f"bob classify {token}\n")
    flags = ("--serve-tokens", tmp_path / "tokens.txt", "--serve-labelled", tmp_path / "a.csv")
    with served(server.project, *flags) as guarded, tab(chromium, guarded.address) as at:
        at.page.goto(guarded.address)
        at.page.wait_for_selector("dialog[open]")
        at.page.keyboard.type(token)
        at.press("Enter")
        at.type(MESSAGES[0])
        at.page.click("button:has-text('Right')")
        at.page.wait_for_selector(".feedback [role=alert]")
        assert "may not be used to feedback" in at.text(".feedback")
        at.forgive("401|403")


# --- for everybody


def fill(at, view):
    """Something to see on a view, also what nobody should send."""
    at.open(view)
    if view == "/":
        at.type("\n".join([*MESSAGES, *HOSTILE]))
        at.page.select_option("#compare", "challenger")
        at.page.wait_for_selector(".pair")
        at.page.focus(".answer")
        at.press("w")
        at.page.wait_for_selector(".choosing")
        at.choose_file(f"{HOSTILE[1]}.csv", csv_of(MESSAGES))
        at.page.wait_for_selector(".download")
    elif view == "/label":
        texts = [text.replace('"', '""') for text in reversed(HOSTILE)]
        at.choose_file(f"{HOSTILE[0]}.csv", csv_of(texts, "hostile"))
        at.page.wait_for_selector(".message")
        for _ in HOSTILE[1:]:
            at.press("h", "ArrowRight")
            assert not at.overflows()
    else:
        at.page.wait_for_selector(".incident")
        at.page.click("summary")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False)])
def test_views_are_accessible_in_light_and_dark_and_on_a_phone(chromium, server, view, width, dark):
    with tab(chromium, server.address, width, dark) as at:
        fill(at, view)
        assert not at.overflows()
        assert at.findings() == []
        background = at.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("view", VIEWS)
def test_empty_views_are_accessible_too(chromium, server, view):
    with tab(chromium, server.address, 400) as at:
        at.open(view)
        assert not at.overflows()
        assert at.findings() == []
        assert at.texts("[aria-current=page]") == [at.page.title().partition(" ")[0]]
        at.press("Tab")
        assert at.page.evaluate("document.activeElement.textContent") == "Skip to the content"


@pytest.mark.parametrize("view", ["/", "/label"])
def test_hostile_messages_are_shown_and_not_run(at, view):
    fill(at, view)
    assert at.page.title().endswith("· Triage")
    assert at.page.locator("main img, main style, main script").count() == 0
    if view == "/":
        assert at.texts(".answer .text")[4:] == HOSTILE
        directions = "all => all.map(text => getComputedStyle(text).direction)"
        assert set(at.page.eval_on_selector_all(".text", directions)) == {"rtl", "ltr"}


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_is_reached_by_the_tab_key_and_left_again(at, view):
    fill(at, view)
    at.page.evaluate("document.activeElement.blur()")
    controls = "a[href], button:enabled, input:enabled, select:enabled, textarea, summary"
    most = at.page.locator(controls).count() + 20
    seen = set()
    for _ in range(most):
        at.press("Tab")
        place = at.page.evaluate(
            "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
        )
        if place in seen and len(seen) > 3:
            break
        seen.add(place)
    reached = at.page.evaluate(
        "([controls, seen]) => { const all = [...document.querySelectorAll('*')];"
        "return [...document.querySelectorAll(controls)].filter(e => e.checkVisibility() &&"
        "!e.closest('[hidden]') && !seen.includes(all.indexOf(e))).map(e => e.outerHTML) }",
        [controls, sorted(seen)],
    )
    assert reached == []


def test_a_new_champion_answers_all_again(chromium, server, tmp_path):
    project, by_hand = server.project, ("--reason", "to be seen", "--yes")
    with (
        served(project, "--serve-poll", "0.2", "--serve-labelled", tmp_path / "a.csv") as following,
        tab(chromium, following.address) as at,
    ):
        at.open()
        at.type("\n".join(MESSAGES))
        done = project.run("-m", "common.registry", "promote", "2", *by_hand)
        assert done.returncode == 0, done.stderr
        try:
            eventually(lambda: following.get("/health/ready").json()["version"] == 2)
            at.type("\n".join([*MESSAGES, "one more"]))
            at.wait(
                "![...document.querySelectorAll('.by')].some(by => by.textContent.includes('1'))"
            )
            assert "version 2 (champion, challenger)" in at.text("#summary")
            assert at.texts("#model option")[0].startswith("Champion, version 2")
        finally:
            done = project.run("-m", "common.registry", "rollback", *by_hand[:2])
            assert done.returncode == 0, done.stderr


def test_contest_and_report_open_as_pages_of_their_own(at, server):
    at.open("/history")
    for path, words in (("/api/versions/1/contest", "majority class"), ("/api/report", "windows")):
        answer = server.get(path)
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert words in answer.text
        with at.page.expect_popup() as opened:
            at.page.locator(f"a[href='{path}']").first.click()
        opened.value.wait_for_load_state()
        assert words in opened.value.content()
        opened.value.close()
    assert server.get("/api/versions/99/contest").status_code == 404
    assert server.get("/api/versions/x/contest").status_code == 422
