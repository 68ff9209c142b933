"""The monitor's page in a real browser: nothing fetched, nothing run, nothing complained about."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from common.evaluation.metrics import ClassMetrics
from common.evaluation.two_samples import Share
from common.monitoring.advice import Step
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.class_results import ClassResult, ClassResults, SegmentResult
from common.monitoring.course import Course
from common.monitoring.examples import Example
from common.monitoring.history import BoundedShare, WindowRecord
from common.monitoring.incidents.incident import Incident, Notice
from common.monitoring.result import (
    MonitoringResult,
    RowTotals,
    WatchedModel,
)
from common.monitoring.telling_words import TellingWord
from common.monitoring.version_changes import VersionChange
from common.monitoring.wrong_answers import ClassErrors, WrongAnswers
from common.reports import monitoring as monitor_page

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium")

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src='http://127.0.0.1:9/pixel' onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"></svg>",
    "</td></table></body><style>body{background:url(http://127.0.0.1:9/css)}</style>",
    "\u202eright to left",
    "😡 " + "long" * 400,
]
DAYS = [f"2026-01-{day:02}" for day in range(1, 31)]
OPENED = datetime(2026, 1, 26, 6, tzinfo=UTC)


def window(number, day):
    fallen = max(0, number - 20) / 60
    return WindowRecord(
        day,
        Status.CRITICAL if number > 24 else Status.OK,
        read=300,
        labelled=300,
        correct=276 - 5 * max(0, number - 20),
        accuracy=BoundedShare(0.92 - fallen, 0.89 - fallen, 0.94 - fallen),
        estimate=BoundedShare(0.92, 0.9, 0.94),
    )


METRICS = ClassMetrics(support=9, precision=0.8, recall=0.7, f1=0.75)
RESULT = MonitoringResult(
    status=Status.CRITICAL,
    reason="accuracy 0.8100 is below the floor",
    model=WatchedModel(HOSTILE[1], 3, "abc"),
    file=HOSTILE[3],
    at=datetime(2026, 2, 1, 6, tzinfo=UTC),
    floor=0.85,
    window=DAYS[-1],
    windows=tuple(window(number, day) for number, day in enumerate(DAYS)),
    findings=(
        Finding(
            "text",
            Status.WARNING,
            HOSTILE[2],
            value=0.61,
            limit=0.55,
            rows=300,
            detail={"more": HOSTILE, "fewer": ["luggage"]},
        ),
    ),
    metrics={},
    classes=ClassResults(
        ("a", HOSTILE[0]),
        [[100, 20], [30, 150]],
        {name: ClassResult(METRICS, reference_recall=0.9) for name in ("a", HOSTILE[0])},
    ),
    segments={HOSTILE[1]: SegmentResult(40, 30, accuracy=0.75, lower=0.6, upper=0.86)},
    examples=tuple(Example(text, "a", HOSTILE[0], 0.9) for text in HOSTILE),
    incidents=(
        Incident(
            (
                Notice(
                    incident="accuracy-1",
                    model=HOSTILE[1],
                    finding="accuracy",
                    change="opened",
                    status=Status.CRITICAL,
                    since=OPENED,
                    at=OPENED,
                    window=DAYS[25],
                    reason=HOSTILE[3],
                    detail={},
                ),
            )
        ),
    ),
    next_steps=(Step("Try it.", "python train.py --data all.csv --dry-run"), Step(HOSTILE[0])),
    course=Course(DAYS[-1], 0.81, 300, 0.92, 0.82, DAYS[-2], 0.93, DAYS[20]),
    wrong=WrongAnswers(
        57,
        243,
        ClassErrors(HOSTILE[0], HOSTILE[1], 40, 60),
        (TellingWord(HOSTILE[2], 0.4, 0.01),),
        (0.4, 0.01),
        {HOSTILE[3]: Share(20, 40)},
    ),
    typical=tuple(HOSTILE),
    version_changes=(VersionChange(DAYS[19], 2, 3),),
    counts=RowTotals(read=300, used=290, rejected=4, blank=6, unlabelled=0, replaced=0),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(monitor_page.render(RESULT), "utf-8")
    return path


def browse(page, tmp_path, *flags):
    return subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_hostile_messages_are_shown_and_not_run(page, tmp_path):
    shown = browse(page, tmp_path, "--dump-dom").stdout
    title = re.search(r"<title>(.*?)</title>", shown, re.DOTALL)[1]
    assert title.startswith("CRITICAL: ")
    body = shown.partition("<body")[2]
    assert not re.search(r"<(script|img|iframe)\b", body)
    assert "&lt;script&gt;document.title='owned'&lt;/script&gt;" in body
    assert body.count("</body>") == 1


def test_nothing_is_complained_about(page, tmp_path):
    flags = ("--enable-logging=stderr", "--v=0", "--dump-dom")
    assert "CONSOLE" not in browse(page, tmp_path, *flags).stderr


def test_nothing_is_fetched(page, tmp_path):
    log = tmp_path / "net.json"
    browse(page, tmp_path, f"--log-net-log={log}", "--dump-dom")
    urls = set(re.findall(r'"url":"(.*?)"', log.read_text()))
    assert not {url for url in urls if "127.0.0.1:9" in url}
    # What the browser asks for itself, at its start, is none of the page's.
    ours = json.dumps(sorted(url for url in urls if "report" in url))
    assert "http" not in ours


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (400, False)])
def test_it_is_drawn_in_light_and_dark_and_on_a_phone(page, tmp_path, width, dark):
    from PIL import Image

    picture = tmp_path / "page.png"
    flags = [f"--window-size={width},3000", f"--screenshot={picture}"]
    browse(page, tmp_path, *flags, *(["--blink-settings=preferredColorScheme=0"] if dark else []))
    with Image.open(picture) as image:
        corner = image.convert("L").getpixel((2, 2))
        colours = len(image.convert("RGB").getcolors(maxcolors=10**6))
    assert (corner < 60) is dark
    assert colours > 50
