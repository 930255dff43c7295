"""Which files a command replaces: its earlier outputs, nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gru_bench.errors import ConfigError, UserError
from gru_bench.files import WrittenFiles, write_atomically
from gru_bench.plotting import new_figure, save_figure, save_small_figure
from gru_bench.replacing import (
    Recogniser,
    begins_with,
    check_replaceable,
    is_list_of,
    is_page,
    is_picture,
    is_study,
    is_table,
)
from gru_bench.reporting import html


def never(path: Path) -> bool:
    return False


def test_new_and_empty_files_are_written(tmp_path: Path):
    check_replaceable(tmp_path / "folder" / "new.csv", "out", never)
    (tmp_path / "empty.csv").touch()
    check_replaceable(tmp_path / "empty.csv", "out", never)
    check_replaceable(Path("/dev/null"), "csv", never)


@pytest.mark.parametrize(
    ("ours", "recognised", "others"),
    [
        (is_table(("a", "b")), "a,b\n1,2\n", ["b,a\n1,2\n", "a,b,c\n1,2,3\n", "a;b\n", "\xff", "a\n" * 3]),
        (is_table(("a", "b"), rows=1), "a,b\n1,2\n", ["a,b\n1,2\n3,4\n", "a,b\n"]),
        (
            is_list_of(("a", "b")),
            '[{"a": 1}, {"a": 2, "b": null}]',
            ['[{"a": 1}]', '[{"a": 1, "b": 2, "c": 3}]', "[]", "[[1]]", "{}", "[", "[" * 100_000],
        ),
        (begins_with("# Report"), "# Report\n", ["Report"]),
        (is_study, "", ["SQLite format 3\0 no more", "text"]),
    ],
)
def test_what_is_not_ours_is_replaced_on_request_alone(
    tmp_path: Path, ours: Recogniser, recognised: str, others: list[str]
):
    path = tmp_path / "file"
    path.write_text(recognised)
    check_replaceable(path, "out", ours)
    for content in others:
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(ConfigError, match=r"out: found .*file.*overwrite=true"):
            check_replaceable(path, "out", ours)
        check_replaceable(path, "out", ours, overwrite=True)


def test_our_pictures_and_pages_are_recognised(tmp_path: Path):
    figure, _ = new_figure()
    for number, save in enumerate((save_figure, save_small_figure)):
        save(figure, tmp_path / f"{number}.png")
        assert is_picture(tmp_path / f"{number}.png")
    figure.savefig(tmp_path / "theirs.png")
    assert not is_picture(tmp_path / "theirs.png")
    template = Path(html.__file__).parent / "page.html.jinja"
    (tmp_path / "page.html").write_text((template.parent / "document.html.jinja").read_text())
    assert is_page(tmp_path / "page.html")
    earlier = '<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; img-src data:; '
    (tmp_path / "page.html").write_text(f'<!doctype html>\n{earlier}style-src &#39;sha256-x&#39;">')
    assert is_page(tmp_path / "page.html")
    (tmp_path / "page.html").write_text("<!doctype html><title>mine</title>")
    assert not is_page(tmp_path / "page.html")


def test_another_database_is_no_study(tmp_path: Path):
    for table, study in (("studies", True), ("customers", False)):
        with closing(sqlite3.connect(tmp_path / f"{table}.db")) as connection:
            connection.execute(f"create table {table} (id integer)")
        assert is_study(tmp_path / f"{table}.db") == study


@pytest.mark.parametrize(
    "name",
    ["record.json", "config.yaml", "gru_bench_files.json", "checkpoints/best.npz", "checkpoints/new.csv", "own.csv"],
)
def test_files_of_a_run_are_never_replaced(tmp_path: Path, name: str):
    WrittenFiles(tmp_path, ["own.csv"]).write()
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / name, tmp_path / "link" / name):
        with pytest.raises(ConfigError, match=r"not one of the run in"):
            check_replaceable(path, "out", lambda path: True, overwrite=True)
    check_replaceable(tmp_path / "forecast.csv", "out", never)


def test_inputs_are_never_replaced_nor_through_links(tmp_path: Path):
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(data)
    for path in (data, tmp_path / "link.csv", tmp_path / "absent" / ".." / "data.csv"):
        with pytest.raises(ConfigError, match="other than those that the command reads"):
            check_replaceable(path, "out", is_table(("a", "b")), inputs=[data, tmp_path / "absent"], overwrite=True)


def test_nothing_is_written_in_a_folder_that_is_read(tmp_path: Path):
    (tmp_path / "clip").mkdir()
    for path in (tmp_path / "clip" / "new.png", tmp_path / "clip" / "deep" / "new.png"):
        with pytest.raises(ConfigError, match="other than those that the command reads"):
            check_replaceable(path, "out", never, inputs=[tmp_path / "clip"], overwrite=True)
    check_replaceable(tmp_path / "clips.csv", "out", never, inputs=[tmp_path / "clip"])


def test_a_place_that_cannot_be_looked_at_is_named(tmp_path: Path):
    for path in (tmp_path / ("a" * 300), tmp_path / ("a" * 300) / "new.csv"):
        with pytest.raises(UserError, match=r": cannot be written \(File name too long\)"):
            check_replaceable(path, "out", never)


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "link.json").symlink_to("deep/real.json")
    for value in (1, 2):
        write_atomically(tmp_path / "link.json", json.dumps(value).encode())
        assert (tmp_path / "link.json").is_symlink()
        assert json.loads((tmp_path / "deep" / "real.json").read_text()) == value
