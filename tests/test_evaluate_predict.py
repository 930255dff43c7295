"""What can be done with a finished run: score it again, let it go on with a text."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gru_bench import predict
from gru_bench.arguments import run_command
from gru_bench.errors import ConfigError, UserError
from gru_bench.evaluate import evaluate
from gru_bench.sections import DataConfig
from gru_bench.training.saved import load_run
from tests.training.support import command, record, train

TEXT = 'he said, "wait [here]"; it\'s {f(x) = 3, y}\n'


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run to do anything with."""
    return shutil.copytree(finished_run, tmp_path / "copied")


def train_on_text(folder: Path, level: str) -> Path:
    (folder / "text.txt").write_text(TEXT * 60, encoding="utf-8")
    done = train(
        "tracker=none",
        "data=text_file",
        f"data.path={folder}/text.txt",
        f"data.level={level}",
        "model.hidden_size=8",
        "training.updates=5",
        "training.batch_size=2",
        "training.bptt_window=8",
        "training.eval_every=5",
        "task.sample_length=0",
        f"run_dir={folder}/run",
        f"paths.cache={folder}/cache",
    )
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a file of one's own, as characters; the file is gone."""
    run = train_on_text(tmp_path_factory.mktemp("characters"), "char")
    (run.parent / "text.txt").unlink()
    return run


def test_evaluate_repeats_the_recorded_numbers(finished_run: Path):
    done = command("gru_bench.evaluate", f"run={finished_run}", cwd=finished_run)
    assert done.code == 0, done.err
    nll = record(finished_run)["metrics"]["test"]["nll"]
    assert done.out.count(repr(nll)) == 2
    assert "equal" in done.out
    assert "DIFFERENT" not in done.out
    assert f"{record(finished_run)['scored']['test']:,} tokens scored" in " ".join(done.out.split())


def change(run: Path, **changes: Any) -> None:
    (run / "record.json").write_text(json.dumps(record(run) | changes))


def test_evaluate_says_when_numbers_differ(copied: Path, capsys: pytest.CaptureFixture[str]):
    nll = record(copied)["metrics"]["test"]["nll"]
    change(copied, metrics={"test": {"nll": nll + 1e-15}})
    assert run_command(evaluate, [f"run={copied}"]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_other_data_is_refused(copied: Path, capsys: pytest.CaptureFixture[str]):
    saved = load_run(copied)
    saved.record.data_facts["digest"] = "f" * 64
    with pytest.raises(UserError, match=f"the data is not what {copied} was trained on: .* expected {'f' * 16}"):
        saved.load_data()
    change(copied, data_facts={"digest": "f" * 64})  # then the weights are not those of the record
    assert run_command(evaluate, [f"run={copied}"]) == 1
    assert f"expected {'f' * 16}" in capsys.readouterr().err


def test_relative_paths_start_where_the_run_was_trained(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    saved = load_run(copied)
    data = dataclasses.replace(saved.config.data, options={"path": "book.txt", "valid_path": None})
    saved = dataclasses.replace(saved, config=dataclasses.replace(saved.config, data=data))

    def path_read(folder: str) -> str:
        def make_data(config: DataConfig, *_: Any) -> None:
            raise UserError(config.options["path"])

        saved.record.folder = folder
        monkeypatch.setattr("gru_bench.training.saved.make_data", make_data)
        with pytest.raises(UserError) as caught:
            saved.load_data()
        return str(caught.value)

    monkeypatch.chdir(here)
    saved.record.folder = str(there)
    assert saved.data_files == [there / "book.txt"]
    assert path_read(str(there)) == str(there / "book.txt")  # gone, and named as it was
    (here / "book.txt").touch()
    assert path_read(str(there)) == "book.txt"  # moved along with the run
    (there / "book.txt").touch()
    assert path_read(str(there)) == str(there / "book.txt")
    assert path_read("") == "book.txt"  # an older record


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_what_is_no_run_is_named(name: str, tmp_path: Path, copied: Path, capsys: pytest.CaptureFixture[str]):
    mains = {"evaluate": lambda argv: run_command(evaluate, argv), "predict": predict.main}

    def error(*arguments: str, code: int = 1) -> str:
        assert mains[name](arguments) == code
        return capsys.readouterr().err

    assert error(code=2).startswith("error: run: found nothing, allowed: a path. Give it: run=...")
    assert "is no run directory: it holds no record.json" in error(f"run={tmp_path}/none")
    (copied / "data.json").write_text("{}")
    assert "data.json does not describe the data of task=language_modeling (KeyError(" in error(f"run={copied}")
    (copied / "data.json").unlink()
    assert "data.json cannot be read" in error(f"run={copied}")
    best = copied / "checkpoints" / "best.npz"
    best.write_bytes(best.read_bytes()[:-30])
    (copied / "data.json").write_text(json.dumps({"vocabulary": {"level": "symbol", "begin": 0, "symbols": ["B"] * 0}}))
    assert "vocabulary" in error(f"run={copied}", code=2)
    best.unlink()
    assert f"lacks its weights, {best}. Copy checkpoints/ with the run." in error(f"run={copied}")
    change(copied, status="interrupted", updates=3, best_update=None)
    assert "holds no weights yet: status interrupted, 3 updates" in error(f"run={copied}")


def test_damaged_weights_are_named(copied: Path):
    best = copied / "checkpoints" / "best.npz"
    best.write_bytes(best.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"best.npz cannot be read: .* Copy the run again"):
        load_run(copied)


def test_a_run_comes_back_from_its_directory_alone(finished_run: Path):
    saved = load_run(finished_run)
    assert saved.record.status == "finished"
    assert saved.network.parameters == saved.record.parameters
    assert saved.config.to_dict() == saved.record.config


def predicted(capsys: pytest.CaptureFixture[str], run: Path, *arguments: str) -> str:
    code = predict.main([f"run={run}", *arguments])
    output = capsys.readouterr()
    assert code == 0, output.err
    return output.out.removesuffix("\n")


def test_a_prompt_is_taken_literally(text_run: Path, capsys: pytest.CaptureFixture[str]):
    for prompt in ('he said, "wait [here]"', "{f(x) = 3, y}", "it's", "", "y}\nhe"):
        text = predicted(capsys, text_run, f"prompt={prompt}", "length=7")
        assert text.startswith(prompt)
        assert len(text) == len(prompt) + 7


def test_a_prompt_from_standard_input(text_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ("length=12", "temperature=0.5", "top_k=3", "seed=4")
    done = command("gru_bench.predict", f"run={text_run}", "prompt=-", *arguments, cwd=tmp_path, text='he said, "w\n')
    assert done.code == 0, done.err
    assert done.err == ""
    assert done.out == predicted(capsys, text_run, 'prompt=he said, "w', *arguments) + "\n"


def test_settings_of_a_prediction(text_run: Path, capsys: pytest.CaptureFixture[str]):
    first = predicted(capsys, text_run)
    assert len(first) == 200
    assert first == predicted(capsys, text_run, "seed=0", "temperature=0.8") != predicted(capsys, text_run, "seed=1")
    greedy = predicted(capsys, text_run, "temperature=0", "seed=3")
    assert (
        greedy
        == predicted(capsys, text_run, "top_k=1", "temperature=5")
        == predicted(capsys, text_run, "temperature=0")
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["prompt=heß"], 2, "char 'ß' at position 2 is not among the"),
        (["temperature=-1"], 2, "temperature: found -1.0, allowed: a number >= 0"),
        (["length=0"], 2, "length: found 0, allowed: an integer >= 1 and <= 100000"),
        (["length=2000000000"], 2, "length: found 2000000000, allowed: an integer >= 1 and <= 100000"),
        (["top_k=0"], 2, "top_k: found 0, allowed: an integer >= 1"),
        (["promt=a"], 2, "Did you mean 'prompt'?"),
    ],
)
def test_wrong_predictions_are_named(
    arguments: list[str], code: int, message: str, text_run: Path, capsys: pytest.CaptureFixture[str]
):
    assert predict.main([f"run={text_run}", *arguments]) == code
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""


def test_words_are_joined_and_unknown_ones_are_known_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = train_on_text(tmp_path, "word")
    assert set(record(run)["metrics"]["test"]) == {"nll", "perplexity"}
    text = predicted(capsys, run, "prompt=he said,", "length=3", "temperature=0")
    assert text.startswith("he said, ")
    assert run_command(evaluate, [f"run={run}"]) == 0
    assert "equal" in capsys.readouterr().out


def test_a_prediction_goes_to_a_file(text_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = [f"run={text_run}", 'prompt=he said, "w', "length=9", "temperature=0"]
    for name in ("new/text.csv", "text.json"):
        assert predict.main([*arguments, f"out={tmp_path / name}"]) == 0
        output = capsys.readouterr()
        assert (output.out, output.err) == ("", f"Written: {tmp_path / name}\n")
    assert predict.main([*arguments, f"out={tmp_path}/text.json"]) == 0
    (tmp_path / "mine.json").write_text('{"mine": 1}')
    for place in (tmp_path / "mine.json", text_run / "data.json"):
        before = place.read_bytes()
        assert predict.main([*arguments, f"out={place}"]) == 2
        assert place.read_bytes() == before
    assert predict.main([*arguments, f"out={tmp_path}/mine.json", "overwrite=true"]) == 0
    capsys.readouterr()
    (row,) = json.loads((tmp_path / "text.json").read_text(encoding="utf-8"))
    assert row["prompt"] == 'he said, "w'
    with (tmp_path / "new/text.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [row]
    assert predict.main([*arguments, "out=-"]) == 0
    assert capsys.readouterr().out.startswith("prompt,continuation\n")


def test_wrong_files_of_a_prediction_are_named(text_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def error(code: int, argument: str) -> str:
        assert predict.main([f"run={text_run}", argument]) == code
        return capsys.readouterr().err

    assert "out: found" in error(2, "out=labels.xml")
    assert "ends in .csv or .json" in error(2, "out=labels.xml")
    assert "ends in .png" in error(2, "picture=forecast.jpg")
    assert "task=language_modeling has no picture of this" in error(2, f"picture={tmp_path}/a.png")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in error(1, f"out={tmp_path}/file/a.csv")


def test_the_arguments_of_a_prediction_are_those_of_the_task(text_run: Path, capsys: pytest.CaptureFixture[str]):
    assert predict.main(["--help"]) == 0
    assert "`run=DIR --help` lists them" in capsys.readouterr().out
    assert predict.main([f"run={text_run}", "--help"]) == 0
    text = capsys.readouterr().out
    assert "usage: python -m gru_bench.predict [key=value ...]" in text
    assert {"  run=...  a path; required", "      a run directory"} <= set(text.splitlines())
    assert "  temperature=...  a number >= 0; default: 0.8\n" in text
    assert "network" not in text
    assert predict.main([f"run={text_run}", "promt=x"]) == 2
    assert "prompt" in capsys.readouterr().err


def test_prediction_in_python(text_run: Path):
    found = load_run(str(text_run)).predict(prompt="he", length=5, temperature=0.0)
    assert found.text == "he" + found.rows[0]["continuation"]
    assert found.draw is None


def test_arguments_in_python_are_checked(text_run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(text_run.parent))
    saved = load_run("~/run")
    for name, value in {"length": 0, "temperature": -1, "promt": "he"}.items():
        with pytest.raises(ConfigError, match=f"{name}: found"):
            saved.predict(**{name: value})


def test_another_file_is_scored(text_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = tmp_path / "other.txt"
    other.write_text(TEXT * 3, encoding="utf-8")
    assert run_command(evaluate, [f"run={text_run}", f"path={other}"]) == 0
    output = capsys.readouterr().out
    assert f"{3 * len(TEXT)} tokens scored" in output
    assert "bits_per_character" in output
    other.write_text("§", encoding="utf-8")
    assert run_command(evaluate, [f"run={text_run}", f"path={other}"]) == 2
    assert "'§' at position 0 is not among" in capsys.readouterr().err
    assert run_command(evaluate, [f"run={text_run}", f"path={tmp_path}/othr.txt"]) == 2
    assert "path: there is no file" in capsys.readouterr().err
