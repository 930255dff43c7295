"""The report of claims as a browser shows it: headless Chromium, no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reporting.browser import Browser

pytestmark = pytest.mark.usefixtures("only_this_page")
ROOT = Path(__file__).parents[2]
UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true })"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, reported: Path) -> Path:
    """The page alone in its folder: it needs no other file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes((reported / "report.html").read_bytes())
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_picture_loads_and_nothing_overflows(browser: Browser, file: Path, width: int, dark: bool):
    browser.open(file, width, dark=dark)
    browser.evaluate(UNFOLD)
    pictures = browser.evaluate("[...document.images].map(image => [image.complete, image.naturalWidth, image.alt])")
    assert len(pictures) == 15
    assert all(complete and natural > 0 and alt for complete, natural, alt in pictures)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    inside = "[...document.querySelectorAll('main *')].filter(element => !element.closest('.scroll, .wide, pre'))"
    assert browser.evaluate(f"Math.max(...{inside}.map(element => element.getBoundingClientRect().right))") <= width
    first = "[...document.querySelectorAll('table.overview *')]"  # the answers need no sideways scrolling
    assert browser.evaluate(f"Math.max(...{first}.map(element => element.getBoundingClientRect().right))") <= width
    assert browser.evaluate("window.broken") is None


@pytest.mark.parametrize("width", [390, 1440])
def test_letters_are_large_and_dark_enough_to_read(browser: Browser, file: Path, width: int):
    browser.open(file, width)
    browser.evaluate(UNFOLD)
    sizes = "[...document.querySelectorAll('p, td, th, dd, dt, small, figcaption, li, pre, b, span')]"
    assert browser.evaluate(f"Math.min(...{sizes}.map(one => parseFloat(getComputedStyle(one).fontSize)))") >= 10
    shown = browser.evaluate("[...document.images].map(image => image.width / image.naturalWidth)")
    assert shown[0] >= 0.41  # letters of the first picture are 23 pixels high before, of others 17
    assert min(shown[1:]) >= 0.5
    luminance = (
        "colour => colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)"
        ".map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)"
        ".reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)"
    )
    found = browser.evaluate(
        f"(luminance => {sizes}.map(one => 1.05 / (luminance(getComputedStyle(one).color) + 0.05)))({luminance})"
    )
    assert min(found) >= 4.5


def test_the_first_screen_answers_without_scrolling(browser: Browser):
    """The report of the checkout, whose table and picture are as long as they get."""
    browser.open(ROOT / "experiments" / "report.html", 1440)
    for selector in (".sentence", ".needs tbody tr:last-child", ".forest img"):
        assert browser.evaluate(f"document.querySelector('{selector}').getBoundingClientRect().bottom") <= 900, selector
    assert browser.evaluate("document.documentElement.scrollHeight") < 15 * 900
    browser.open(ROOT / "experiments" / "report.html", 390)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    browser.requests.pop()


def test_a_click_sorts_a_table_in_a_fold_and_back(browser: Browser, file: Path):
    browser.open(file, 1440)
    browser.evaluate(UNFOLD)
    order = "[...document.querySelectorAll('#claim-speed tbody')][0].innerText"
    before = browser.evaluate(order)
    heading = "#claim-speed table.sortable thead th:nth-child(2)"
    browser.click(f"{heading} button")
    assert browser.evaluate(f"document.querySelector('{heading}').ariaSort") == "ascending"
    browser.click(f"{heading} button")
    assert browser.evaluate(order) != before


def test_a_link_of_the_first_table_opens_the_claim(browser: Browser, file: Path):
    browser.open(file, 390)
    browser.click("table.needs tbody tr:nth-child(2) a")
    browser.evaluate("new Promise(done => setTimeout(done, 50))")
    assert browser.evaluate("location.hash") == "#claim-speed"
    assert browser.evaluate("document.querySelector(location.hash).open")
    assert browser.evaluate("Math.abs(document.querySelector(location.hash).getBoundingClientRect().top)") < 200


def test_without_scripts_all_is_there(browser: Browser, file: Path):
    browser.open(file, 1440, script=False)
    assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    shown = browser.evaluate("document.body.innerText")
    assert "equal size: GRU better on sentiment grammar (+0.021 accuracy)" in shown
    assert "GRU for speed; open elsewhere." in shown
