from __future__ import annotations

import re
from pathlib import Path

import pytest

from gru_bench.claims.report import report_claims
from tests.claims.experiments import HOSTILE, write_everything
from tests.reporting.test_page import Outline, words

LABELS = ("Statement", "Source", "Estimand", "Protocol", "What would change our mind", "Rule: equal size")


@pytest.fixture(scope="module")
def html(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(reported: Path) -> str:
    return (reported / "report.md").read_text(encoding="utf-8")


def test_the_first_table_answers_every_claim(html: str):
    shown = words(html)
    top = shown[: shown.index("accuracy: comparable accuracy")]
    for part in (
        "6 of 7 claims have an answer.",
        "accuracy comparable accuracy equal size: GRU better on sentiment grammar (+0.021 accuracy), no sensitivity",
        "LSTM better −0.0304 [−0.0318, −0.0290] nats per symbol",
        "speed faster training GRU better on",
        "no difference that matters 1.012× [0.995, 1.032] embedded Reber grammar, hidden size 32; one layer: gru",
        "and 1 more",
        "parameters three quarters of the parameters GRU better on embedded Reber grammar (1.333×) and sentiment",
        "unrun never run not run",
        "tuning equal tuning budgets serves other claims",
    ):
        assert part in top
    assert top.index("vanishing_gradients") < top.index("tuning")


def test_a_section_says_how_a_claim_is_decided(html: str):
    shown = words(html)
    section = shown[shown.index("accuracy: comparable accuracy") : shown.index("long_memory: weaker")]
    for part in (
        *LABELS,
        "gru against lstm in test (what is better follows the setting's test metric)",
        "within the margin: embedded Reber grammar 0.01 nats per symbol, sentiment grammar 0.02 accuracy.",
        "with Holm's correction over all cases of the claim",
        "Rule: updates (does not decide)",
        "9 of 10 no sensitivity control 1",  # pairs, answer, diverged runs
        "as many recurrent parameters as lstm",
        "margins by which the first is better",
        "0.9600 0.9550 (0.9500 to 0.9600, 2 seeds) Somebody 2014, table 1",
        "Somebody 2014: about as good",
        "python -m gru_bench.reproduce claim=accuracy",
        "small: 60 rows, 12 min 30 s of work, the last of 2026-11-25; 1 diverged",
        "Devices: 2 cores of a test",
        "Code: 0.1.0 d6e2329",
    ):
        assert part in section


def test_rules_are_spelled_out(html: str):
    shown = words(html)
    assert (
        "gru against lstm in seconds_per_update (less is better). One is better where its factor is surely above one; "
        "else it is open. No difference that matters, where it surely lies within the margin: a factor of 1.05."
    ) in shown
    assert "the greatest T at which test reaches 0.5000 (half of the least where it never does)" in shown
    assert "The numbers are counted, so there is no test." in shown


def test_what_a_user_named_stays_text(html: str):
    outline = Outline(html)
    assert outline.open == []
    assert len(outline.all("script")) == len(outline.all("style")) == 1
    assert "window.broken" not in "".join(re.findall(r"<script>(.*?)</script>", html, re.S))
    assert outline.text.count(HOSTILE) > 20
    assert all(set(image) == {"src", "alt"} for image in outline.all("img"))
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in outline.all("img"))
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    assert not any("style" in attributes for _, attributes in outline.elements)


def test_links_lead_to_sections_and_rows(html: str, reported: Path):
    outline = Outline(html)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in outline.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    files = {link for link in links if not link.startswith("#")}
    assert files == {f"{name.parent.name}/results.csv" for name in reported.glob("*/claim.yaml")}


def test_markdown_says_the_same_and_links_to_its_pictures(text: str, reported: Path):
    assert text.startswith("# GRU or LSTM? The claims and what our runs say\n\n6 of 7 claims have an answer.")
    row = next(line for line in text.splitlines() if line.startswith("| [accuracy](#accuracy)"))
    assert "**equal size: GRU better on sentiment grammar (+0.021 accuracy), no sensitivity control" in row
    assert row.endswith("[section](#accuracy), [rows](accuracy/results.csv) |")
    pictures = re.findall(r"!\[.*?\]\(([^ ]*)\)\n", text)
    assert len(pictures) == len(list(reported.glob("*/figures/*.png"))) == 11
    assert all((reported / picture).is_file() for picture in pictures)
    anchors = re.findall(r'<a id="(.*?)"></a>', text)
    assert set(re.findall(r"\]\(#(.*?)\)", text)) == set(anchors)
    assert "<script" not in text
    assert "<img" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_smoke_rows_are_no_evidence(tmp_path: Path):
    write_everything(tmp_path, "smoke")
    overview, (markdown, page) = report_claims(tmp_path)
    shown = words(page.read_text())
    assert shown.count("no verdict: smoke rows") == 10  # five claims, in the table and in their sections
    assert "1 of 7 claims has an answer." in shown  # of rows that are always small here
    assert "Rows of the scale smoke test the machinery. They are no evidence for or against anything." in shown
    assert "no verdict: smoke rows. The rule would say of them: equal size: GRU better on sentiment grammar" in shown
    assert (
        markdown.read_text().count("They are no evidence for or against anything.") == 7
    )  # at the top, and of tuning too
    assert overview.rows[0][1].startswith("no verdict: smoke rows")
