"""The page as a browser shows it: headless Chromium, no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reporting.browser import Browser

pytestmark = pytest.mark.usefixtures("only_this_page")
WIDTHS = (390, 1440)
HEADS = "[...document.querySelectorAll('table.overview thead th')]"
FIRST_COLUMN = "[...document.querySelectorAll('table.overview tbody th')].map(cell => cell.dataset.sort)"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, everything: str) -> Path:
    """A page with everything, alone in its folder."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(everything, encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_picture_loads_and_nothing_overflows(browser: Browser, file: Path, width: int, dark: bool):
    browser.open(file, width, dark=dark)
    pictures = browser.evaluate("[...document.images].map(image => [image.complete, image.naturalWidth, image.alt])")
    assert len(pictures) > 15
    assert all(complete and natural > 0 and alt for complete, natural, alt in pictures)
    assert browser.evaluate("window.innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('main *')].filter(element => !element.closest('.scroll, .wide, pre'))"
    assert browser.evaluate(f"Math.max(...{wide}.map(element => element.getBoundingClientRect().right))") <= width
    assert browser.evaluate("window.broken") is None


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_background(browser: Browser, file: Path, dark: bool):
    """WCAG asks for a contrast of 4.5 of text; the style sheet is in force at all."""
    browser.open(file, 1440, dark=dark)
    luminance = (
        "colour => colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)"
        ".map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)"
        ".reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)"
    )
    found = browser.evaluate(
        f"(luminance => [...document.querySelectorAll('p, td, th, a, small, strong, figcaption, li')].map(element => {{"
        "const paper = luminance(getComputedStyle(document.body).backgroundColor);"
        "const ink = luminance(getComputedStyle(element).color);"
        "return (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05)}))"
        f"({luminance})"
    )
    assert min(found) >= 4.5
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")


def test_curves_follow_the_scheme(browser: Browser, file: Path):
    """A curve's style lies within the picture; the policy of the page must not reach it."""
    brightness = (
        "(async () => { const image = document.querySelector('.pictures img'); await image.decode();"
        "const canvas = document.createElement('canvas'); canvas.width = canvas.height = 300;"
        "const context = canvas.getContext('2d'); context.drawImage(image, 0, 0, 300, 300);"
        "const data = context.getImageData(0, 0, 300, 300).data; let dark = 0, bright = 0;"
        "for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) {"
        "  const mean = (data[i] + data[i + 1] + data[i + 2]) / 3; dark += mean < 60; bright += mean > 195; }"
        "return [dark, bright] })()"
    )
    browser.open(file, 1440)
    dark_ink, bright_ink = browser.evaluate(brightness)
    assert dark_ink > 100
    browser.open(file, 1440, dark=True)
    browser.requests.pop()
    dark_ink, bright_ink = browser.evaluate(brightness)
    assert bright_ink > 100
    assert dark_ink < bright_ink


def test_a_click_sorts_and_a_second_one_turns_the_order(browser: Browser, file: Path):
    browser.open(file, 1440)
    before = browser.evaluate(FIRST_COLUMN)
    assert len(set(before)) > 2
    browser.click("table.overview thead th:nth-child(4) button")
    values = "[...document.querySelectorAll('table.overview tbody tr')].map(row => Number(row.cells[3].dataset.sort))"
    assert browser.evaluate(values) == sorted(browser.evaluate(values))
    assert browser.evaluate(FIRST_COLUMN) != before
    assert browser.evaluate(f"{HEADS}.map(head => head.ariaSort)")[:5] == ["none"] * 3 + ["ascending", "none"]
    browser.click("table.overview thead th:nth-child(4) button")
    assert browser.evaluate(values) == sorted(browser.evaluate(values), reverse=True)
    assert browser.evaluate(f"{HEADS}[3].ariaSort") == "descending"
    browser.click("table.overview thead th:nth-child(6) button")
    unknown = "[...document.querySelectorAll('table.overview tbody tr')].map(row => 'sort' in row.cells[5].dataset)"
    assert browser.evaluate(unknown) == [True, False, False, False]


@pytest.mark.parametrize(("key", "code"), [("Enter", 13), ("Tab", 9)])
def test_the_keyboard_reaches_and_sorts(browser: Browser, file: Path, key: str, code: int):
    browser.open(file, 390)
    browser.evaluate(f"{HEADS}[0].querySelector('button').focus()")
    browser.press(key, code)
    if key == "Enter":
        assert browser.evaluate(f"{HEADS}[0].ariaSort") == "ascending"
    else:
        assert browser.evaluate(f"document.activeElement === {HEADS}[1].querySelector('button')")


def test_differences_stay_below_the_cells_when_sorted(browser: Browser, file: Path):
    browser.open(file, 1440)
    browser.click("section[id] table.sortable:not(.overview) thead th:nth-child(3) button")
    bodies = "[...document.querySelector('section[id] table.sortable').tBodies]"
    first = browser.evaluate(f"{bodies}.map(body => body.rows[0].cells[0].textContent)")
    assert first == ["grammar floor (baseline)", "gru - lstm"]


def test_without_scripts_all_is_there_but_the_buttons(browser: Browser, file: Path):
    browser.open(file, 1440, script=False)
    assert browser.evaluate("document.querySelectorAll('button').length") == 0
    assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert "no difference shown between gru and lstm" in browser.evaluate("document.body.innerText")
    browser.open(file, 1440)
    browser.requests.pop()
    assert browser.evaluate("document.querySelectorAll('button').length") > 20


def test_a_page_that_is_not_clean_would_be_noticed(browser: Browser, tmp_path: Path):
    bad = tmp_path / "bad.html"
    address = "http://nowhere.invalid/a.png"
    wide = '<p style="width: 500px">wide</p>'
    bad.write_text(f'<!doctype html><script>throw new Error("x")</script><img src="{address}">{wide}')
    browser.open(bad, 390)
    assert browser.evaluate("document.images[0].naturalWidth") == 0
    assert browser.evaluate("document.documentElement.scrollWidth") > 390
    assert any("Error: x" in error for error in browser.errors)
    assert browser.requests.pop() == address
    browser.errors.clear()
