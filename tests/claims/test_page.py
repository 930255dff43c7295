from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gru_bench.claims.report import report_claims
from tests.checkouts import git
from tests.claims.experiments import HOSTILE, claim_values, make_row, write_claim, write_everything, write_rows
from tests.reporting.test_page import Outline, words

LABELS = ("Statement", "Source", "What is estimated", "How", "What would change our mind", "Rule: equal size")


@pytest.fixture(scope="module")
def html(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(reported: Path) -> str:
    return (reported / "report.md").read_text(encoding="utf-8")


def test_needs_come_first_then_claims_with_their_answers(html: str):
    shown = words(html)
    assert shown.index("GRU for speed; open elsewhere.") < shown.index("speed GRU 1.01× to 1.41×")
    top = shown[: shown.index("Statement")]
    for part in (
        "symbols embedded Reber grammar open −0.",
        "The claims 7 of 8 claims have an answer.",
        "Comparable accuracy equal size: GRU better on sentiment grammar (+0.021 accuracy), no sensitivity",
    ):
        assert part in top
    for part in ("Never run not run", "Equal tuning budgets serves other claims"):
        assert part in shown
    assert shown.index("Gradients vanish") < shown.index("Equal tuning budgets")


def test_a_fold_says_how_a_claim_is_decided(html: str):
    shown = words(html)
    section = shown[shown.index("Comparable accuracy") : shown.index("Weaker at long")]
    for part in (
        *LABELS,
        "GRU against LSTM in test (what is better follows the setting's test metric)",
        "within the margin: embedded Reber grammar 0.01 nats per symbol, sentiment grammar 0.02 accuracy.",
        "with Holm's correction over all cases of the claim",
        "Rule: updates (does not decide)",
        "of 9, 10 planned no sensitivity control 1",  # pairs, answer, diverged runs
        "as many recurrent parameters as lstm",
        "0.9600 0.9550 (0.9500 to 0.9600, 2 seeds) Somebody 2014, table 1",
        "Somebody 2014: about as good",
        "python -m gru_bench.reproduce claim=accuracy",
        "small: 60 rows, 12 min 30 s of work, the last of 2026-11-25; 1 diverged",
        "Devices: 2 cores of a test",
        "Code: 0.1.0 d6e2329",
    ):
        assert part in section
    assert "d_z" not in shown


def test_rules_are_spelled_out(html: str):
    shown = words(html)
    assert (
        "GRU against LSTM in seconds per update (less is better). One is better where its factor is surely above one; "
        "else it is open. No difference that matters, where it surely lies within the margin: a factor of 1.05."
    ) in shown
    longest = "the greatest T at which test reaches 0.5000 (half of the least where it never does) (more is better)"
    assert longest in shown
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
    assert text.startswith(
        "# GRU or LSTM? The claims and what our runs say\n\n**GRU for speed; open elsewhere.**\n\n| need"
    )
    assert "| [speed](report.md#speed) | **GRU** | 1.01× to 1.41× in s |" in text
    assert '<summary><a id="accuracy"></a><b>Comparable accuracy</b>: equal size: GRU better on' in text
    assert text.count("<details>") == text.count("</details>") == 9
    pictures = re.findall(r'!\[.*?\]\(([^ ]*)\)\n|<img src="(.*?)"', text)
    files = {reported / (inline or html) for inline, html in pictures}
    assert files == {*reported.glob("*/figures/*.png"), reported / "figures/needs.png"}
    anchors = re.findall(r'<a id="(.*?)"></a>', text)
    assert set(re.findall(r"\]\(report.md#(.*?)\)", text)) <= set(anchors)
    assert "<script" not in text
    assert text.count("<img") == 1
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_without_needs_a_report_begins_with_its_claims(tmp_path: Path):
    write_claim(tmp_path, "accuracy", claim_values())
    overview, (markdown, page) = report_claims(tmp_path)
    assert markdown.read_text().startswith("# GRU or LSTM? The claims and what our runs say\n\n## The claims\n\n0 of 1")
    assert '<p class="sentence">' not in page.read_text()
    assert overview.rows == [("accuracy", "not run")]
    assert not (tmp_path / "figures").exists()


def test_a_rule_that_changed_after_its_first_row_says_so(tmp_path: Path):
    write_claim(tmp_path, "accuracy", claim_values())
    write_claim(tmp_path, "unrun", claim_values())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "--date=2026-11-25T17:00:00+00:00", "-m", "Rules fixed")
    write_rows(tmp_path, "accuracy", [make_row("gru", 0, {"test": 0.4}, ended="2026-11-25T18:00:00+00:00")])
    for date, change, subject in (
        ("2026-11-26T02:00:00+09:00", {"protocol": "Shorter."}, "Not later, seen from there"),
        ("2026-11-26T02:00:00+00:00", {"protocol": "Longer."}, "Other lengths"),
        ("2026-11-27T02:00:00+00:00", {"caveats": [{"text": "Few pairs."}]}, "A caveat"),
    ):
        for name in ("accuracy", "unrun"):
            file = tmp_path / name / "claim.yaml"
            file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | change))
        git(tmp_path, "commit", "-q", "-a", f"--date={date}", "-m", subject)
    _, files = report_claims(tmp_path)
    for file in files:
        told = re.findall(r"Rule changed after the first row: ([^<\n]*)", file.read_text())
        assert told == ["2026-11-26 Other lengths"]


def test_smoke_rows_are_no_evidence(tmp_path: Path):
    write_everything(tmp_path, "smoke")
    overview, (markdown, page) = report_claims(tmp_path)
    shown = words(page.read_text())
    assert shown.count("no verdict: smoke rows") == 6  # all but rows that are always small here
    assert "1 of 8 claims has an answer." in shown
    assert "Rows of the scale smoke test the machinery. They are no evidence for or against anything." in shown
    assert "no verdict: smoke rows. The rule would say of them: equal size: GRU better on sentiment grammar" in shown
    assert markdown.read_text().count("They are no evidence for or against anything.") == 8  # at the top, of tuning too
    assert overview.title == f"Open for symbols, speed and {HOSTILE}."
