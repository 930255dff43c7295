from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from gru_bench.reporting import page as module
from gru_bench.reporting.curves import DRAWN_RUNS
from gru_bench.reporting.run_files import LARGEST_PICTURE, LONGEST_TEXT
from tests.reporting.pages import HOSTILE, page_of, write_full_run
from tests.results.records import make_record, write_run, write_three_seeds

VOID = {"meta", "link", "img", "br", "line", "rect"}


class Outline(HTMLParser):
    """Elements with their attributes, the text outside styles and scripts, and whether each element is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open, self.policy = "", list[str](), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def words(text: str) -> str:
    return " ".join(Outline(text).text.split())


def test_the_page_is_whole_and_answers_at_its_top(everything: str):
    outline = Outline(everything)
    assert outline.open == []
    assert outline.elements[0] == ("html", {"lang": "en"})
    text = words(everything)
    assert text.startswith("GRU or LSTM? 3 tasks and data sets")
    top = text[: text.index("Settings that differ between groups")]
    for part in (
        "language_modeling on reber",
        "no difference shown between gru and lstm gru - lstm: +0.003 ± 0.014 nll (nats per symbol), 3 seeds",
        "lstm is better than rnn rnn - lstm: +1.487 ± 0.038 nll",
        "! The baseline unigram is as good as or better than rnn.",
        "gru is better than lstm gru - lstm: +0.07000 ± 0 accuracy (share of texts), 3 seeds",
        "accuracy share of texts higher is better",
        "! The baseline bag of words is as good as or better than lstm.",
        "! Disturbed times left out: other work ran beside lstm.",
        "gru disturbed",
        "no verdict: only one seed",
        "! The baseline linear is as good as or better than every cell.",
        "0.420 ± 0.025",
        "gru 0.753×",
    ):
        assert part in top, part
    for part in ("test mase", "validation accuracy share of texts", "bag of words (baseline)", "Sample outputs"):
        assert part in text, part
    assert re.search(r"group cells model\.hidden_size [0-9a-f]{8} gru", text)


def test_what_a_user_named_stays_text(everything: str):
    """Names, paths, options, samples and reasons hold markup; none of it becomes an element or an attribute."""
    outline = Outline(everything)
    assert len(outline.all("script")) == len(outline.all("style")) == 1
    assert all(set(image) == {"src", "alt"} for image in outline.all("img"))
    assert "window.broken" not in "".join(re.findall(r"<script>(.*?)</script>", everything, re.S))
    assert outline.text.count(HOSTILE) > 20  # letter by letter, the braces of templates too
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(link["href"])[1:] for link in outline.all("a")} <= set(ids)


def test_nothing_is_loaded_from_anywhere(everything: str):
    outline = Outline(everything)
    for _, attributes in outline.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "action", "data", "srcset", "poster", "background", "xlink:href"):
                assert str(value).startswith(("data:", "#")), value
    (style,) = re.findall(r"<style>(.*?)</style>", everything, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", everything, re.S)
    for text in (style, script):
        assert not re.search(r"https?:|//\w|@import|url\(|fetch|XMLHttp|import\(", text)
    for image in outline.all("img"):
        kind, _, content = str(image["src"]).partition(";base64,")
        decoded = base64.b64decode(content)
        if kind == "data:image/svg+xml":
            text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", decoded.decode())
            assert not re.search(r"https?:|<script|<image|@import|url\((?!#)", text)
        else:
            assert kind == "data:image/png"


def test_the_policy_allows_this_style_and_this_script_alone(everything: str):
    policy = next(str(meta["content"]) for meta in Outline(everything).all("meta") if "http-equiv" in meta)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["img-src"], rules["base-uri"]) == ("'none'", "data:", "'none'")
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", everything, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"
    assert not any("style" in attributes for _, attributes in Outline(everything).elements)  # it would have no effect


def test_a_page_is_the_same_every_time(tmp_path: Path):
    write_full_run(tmp_path, make_record("gru", 0), "gru")
    assert page_of(tmp_path) == page_of(tmp_path)


def test_sizes_are_bounded_and_what_is_left_out_is_named(tmp_path: Path):
    for cell in ("gru", "lstm"):
        directory = write_full_run(tmp_path, make_record(cell, 0), cell, samples=9, pictures=9)
        (directory / "figures" / "confusion_1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * LARGEST_PICTURE)
        (directory / "figures" / "confusion_2.png").write_text("no picture")
    text = page_of(tmp_path)
    assert len(text) < 2_000_000
    shown = words(text)
    pictures = [str(image["alt"]) for image in Outline(text).all("img")][4:]
    assert pictures[:4] == [
        f"{cell}, seed 0: {name}" for name in ("attention", "confusion 0") for cell in ("gru", "lstm")
    ]
    assert [figure.get("class") for figure in Outline(text).all("figure")][4:7] == ["wide", "wide", None]
    assert "gru, seed 0: learning curve" not in shown
    left_out = "confusion_1.png, confusion_2.png (no picture), confusion_7.png, confusion_8.png in"
    assert f"gru: left out to keep this page small: {left_out}" in shown
    assert "gru: 4 of 9 samples are shown." in shown
    assert max(len(line) for line in Outline(text).text.splitlines()) < LONGEST_TEXT + 100


def test_old_and_damaged_run_directories_still_give_a_page(tmp_path: Path):
    write_three_seeds(tmp_path)
    (tmp_path / "gru-0badc0de" / "seed0" / "metrics.jsonl").write_text("no json\n{}\n")
    (tmp_path / "gru-0badc0de" / "seed0" / "samples.json").write_text("{}")
    (tmp_path / "lstm-0badc0de" / "seed0" / "samples.json").write_text('{"given": 1}')
    (tmp_path / "lstm-0badc0de" / "seed0" / "metrics.jsonl").write_text(
        '{"update": 1, "split": "train", "loss": "NaN", "seconds": 1.0}\n{"update": 2, "split": "train", "loss": 1}\n'
    )
    text = words(page_of(tmp_path))
    assert "No curve: " in text
    assert "line 1: found b'no json" in text
    assert "No samples: " in text
    assert "Learning curves" not in text
    assert "no difference shown between gru and lstm" in text


def test_curves_of_both_directions_over_both_axes(tmp_path: Path):
    for cell in ("gru", "lstm"):
        for seed in range(DRAWN_RUNS + 1 if cell == "gru" else 2):
            metrics = {"accuracy": 0.9 + seed / 1000}
            changes: dict[str, Any] = {"metric": "accuracy", "direction": "max"}
            changes["metrics"] = {"valid": metrics, "test": metrics}
            write_full_run(tmp_path, make_record(cell, seed, **changes), f"{cell}{seed}", pictures=0)
    text = page_of(tmp_path)
    curves = [str(image["alt"]) for image in Outline(text).all("img")]
    assert [alt.partition(";")[0] for alt in curves] == [
        "training loss over updates",
        "training loss over seconds",
        "validation accuracy (share of symbols) over updates",
        "validation accuracy (share of symbols) over seconds",
    ]
    assert "where the medians end: gru 0.90" in curves[2]
    assert f"gru: the curves show {DRAWN_RUNS} of {DRAWN_RUNS + 1} seeds." in words(text)


def test_disturbed_times_are_left_out_or_marked(tmp_path: Path):
    for cell in ("gru", "lstm"):
        write_full_run(tmp_path, make_record(cell, 0, speed__shared_machine=True), cell, pictures=0)
    text = words(page_of(tmp_path))
    assert "No time here is undisturbed: over seconds, compare shapes only." in text
    assert "Disturbed times left out: other work ran beside gru and lstm." in text
    write_full_run(tmp_path, make_record("gru", 1), "alone", pictures=0)
    text = words(page_of(tmp_path))
    assert "Over seconds, runs with disturbed times or on another device are left out: gru, lstm." in text


def test_groups_without_a_verdict_say_why(tmp_path: Path):
    write_run(tmp_path, make_record("gru", 0, data="a"), "a")
    write_run(tmp_path, make_record("lstm", 0, data="b"), "b")
    for bias in (0.5, 2.0):
        write_run(tmp_path, make_record("lstm", 0, data="c", option__forget_bias=bias), f"c{bias}")
    write_run(tmp_path, make_record("gru", 0, data="d"), "d-gru")
    write_run(tmp_path, make_record("lstm", 1, data="d"), "d-lstm")
    text = words(page_of(tmp_path))
    assert "no verdict: no lstm run with these settings" in text
    assert "no verdict: only lstm ran with these settings" in text
    assert "no verdict: none of lstm (forget_bias=0.5), lstm (forget_bias=2) is the plain lstm" in text
    assert "no verdict: no shared seed" in text


def test_no_finished_run_gives_a_page_that_lists_what_there_is(tmp_path: Path):
    write_run(tmp_path, make_record("gru", 0, status="running", metrics={}))
    text = words(page_of(tmp_path))
    assert "0 finished runs" in text
    assert "Not counted, running:" in text


def test_many_groups_give_a_small_page(tmp_path: Path):
    total = 2 * module.GROUPS_IN_DETAIL
    for width in range(total):
        for cell in ("gru", "lstm")[: 1 + width % 2]:
            write_run(tmp_path, make_record(cell, 0, config__model__hidden_size=width), f"{cell}-{width}")
    text = page_of(tmp_path)
    shown = words(text)
    assert f"{total - module.GROUPS_IN_DETAIL} more groups are in the overview only." in shown
    assert shown.count("Curves, samples and pictures are left out to keep this page small.") == (
        module.GROUPS_IN_DETAIL - module.GROUPS_WITH_PICTURES
    )
    assert "no verdict: no lstm run" not in shown[shown.index("Settings that differ") :]  # pairs get the room
    assert len(text) < 5000 * total
