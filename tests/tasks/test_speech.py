"""Speech to text: padding, transcripts without an alignment, and whole runs through every command."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gru_bench.data.speech.utterances import Speech, Utterances, make_speech
from gru_bench.errors import ConfigError
from gru_bench.evaluate import evaluate
from gru_bench.predict import main as predict
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.speech import SpeechToText, error_rates
from tests.data.speech.recordings import write_recordings
from tests.networks import make_model
from tests.training.support import record, train

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=3)


def drawn(count: int, seed: int) -> Utterances:
    draw = np.random.default_rng(seed)
    texts = tuple("".join("ab "[letter] for letter in draw.integers(3, size=draw.integers(1, 6))) for _ in range(count))
    frames = tuple(draw.normal(size=(draw.integers(4, 40), 2)).astype(np.float32) for _ in texts)
    return Utterances(frames, texts, tuple(map(str, range(count))))


def data_of() -> Speech:
    splits = {split: drawn(count, count) for split, count in (("train", 30), ("valid", 6), ("test", 13))}
    return make_speech("drawn", splits, ("one", "two"), 100.0)


def network_of(task: SpeechToText, **settings: Any) -> Any:
    config = ModelConfig(cell="lstm", **{"hidden_size": 5, "init": "uniform", "init_scale": 2.0, **settings})
    return make_model(config, TRAINING, task.signature, jax.random.key(0))


@pytest.mark.parametrize(("stack", "beam", "centre"), [pytest.param(1, 1, False, marks=pytest.mark.slow), (3, 4, True)])
def test_padding_and_buckets_never_change_a_result(stack: int, beam: int, centre: bool):
    data = data_of()
    task = SpeechToText(data.describe(), stack=stack, beam=beam, centre=centre, buckets=3)
    network = network_of(task, bidirectional=True)
    decoded = [task.decode(network, batch) for batch in task.eval_batches(data, "test", TRAINING)]
    alone = [
        (" ".join(text.split()), task._text(rows))
        for text, rows in zip(data.test.transcripts, task.listen(network, data.test.frames), strict=True)
    ]
    assert sorted(pair for pairs in decoded for pair in pairs) == sorted(alone)
    assert len({text for _, text in alone}) > 3
    assert task.decoded_metrics(decoded) == error_rates(alone)


@pytest.mark.slow
def test_transcripts_without_an_alignment_are_masked_and_counted(caplog: pytest.LogCaptureFixture):
    data = data_of()
    task = SpeechToText(data.describe(), stack=3)
    network = network_of(task)
    short = {
        split: np.array(
            [
                -(-len(frames) // 3) < len(text) + sum(one == two for one, two in itertools.pairwise(text))
                for frames, text in zip(part.frames, part.transcripts, strict=True)
            ]
        )
        for split, part in (("train", data.train), ("test", data.test))
    }
    assert 0 < short["test"].sum() < 13
    sums: dict[str, Any] = {}
    for rows in task.eval_batches(data, "test", TRAINING):
        _, more = task.score(network, jax.tree.map(jax.numpy.asarray, dict(rows)), ())
        sums = {name: sums.get(name, 0) + np.asarray(value) for name, value in more.items()}
    metrics = task.metrics(sums)
    lengths = np.array([len(text) for text in data.test.transcripts])
    assert metrics["impossible"] == short["test"].sum()
    assert metrics["items"] == lengths.sum()
    assert int(sums["symbols"]) == lengths[~short["test"]].sum()
    assert 0 < metrics["nll"] < 100
    batches = task.train_batches(data, TRAINING, 0)
    assert f"{short['train'].sum()} of the 30 training recordings are shorter" in caplog.text
    loss = task.loss(network, jax.tree.map(jax.numpy.asarray, dict(batches[0])), (), None)
    assert np.isfinite(float(loss.total))


def test_noise_is_added_in_training_alone():
    data = data_of()
    task, quiet = (SpeechToText(data.describe(), input_noise=level) for level in (0.5, 0.0))
    network = network_of(task)
    batch = jax.tree.map(jax.numpy.asarray, dict(task.train_batches(data, TRAINING, 0)[0]))
    plain = float(quiet.loss(network, batch, (), None).total)
    assert float(task.loss(network, batch, (), None).total) == plain
    noisy = [float(task.loss(network, batch, (), jax.random.key(seed)).total) for seed in (0, 0, 1)]
    assert noisy[0] == noisy[1] != noisy[2]
    assert plain not in noisy


def test_error_rates_are_those_of_all_texts_together():
    pairs = [("a b", "a b"), ("abc", "axc d"), ("abc", "")]
    assert error_rates(pairs) == {"cer": (0 + 3 + 3) / 9, "wer": (0 + 2 + 1) / 4}


def test_a_language_model_needs_a_beam():
    with pytest.raises(ConfigError, match=r"task\.lm_weight"):
        SpeechToText(data_of().describe(), lm_weight=0.5)


SHORT = (
    "tracker=none",
    "model.hidden_size=6",
    "model.layers=1",
    "training.epochs=null",
    "training.updates=4",
    "training.eval_every=4",
    "task.buckets=1",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short finished run on few generated recordings."""
    folder = tmp_path_factory.mktemp("tones") / "run"
    sizes = ("data.train_size=40", "data.valid_size=10", "data.test_size=10")
    done = train("task=speech", *SHORT, *sizes, f"run_dir={folder}")
    assert done.code == 0, done.err
    return folder


def test_a_run_ends_with_error_rates_baselines_a_picture_and_predictions(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kept = record(run)
    assert (kept["status"], kept["metric"], kept["direction"]) == ("finished", "cer", "min")
    assert set(kept["metrics"]["test"]) == {"cer", "wer", "nll"}
    assert kept["baselines"]["silence"] == {"cer": 1.0, "wer": 1.0}
    assert "most frequent words" in kept["baselines"]
    assert (run / "figures" / "alignment.png").stat().st_size > 10_000
    table = write_recordings(tmp_path, 3)
    out, picture = tmp_path / "p.json", tmp_path / "p.png"
    arguments = [f"run={run}", f"file={tmp_path / 'clip 0.wav'}", "beam=3", "lm_weight=0.5"]
    assert predict([*arguments, f"out={out}", f"picture={picture}"]) == 0
    (row,) = json.loads(out.read_text())
    assert row["seconds"] == pytest.approx(0.8, abs=0.05)
    assert set(row["text"]) <= set("rf ")
    assert picture.stat().st_size > 5_000
    capsys.readouterr()
    assert predict([f"run={run}", *(str(tmp_path / f"clip {number}.wav") for number in range(2))]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [
        str(tmp_path / f"clip {number}.wav") for number in range(2)
    ]
    assert predict([f"run={run}", f"file={table}", "beam=101"]) != 0
    assert "beam: found 101, allowed: an integer >= 1 and <= 100" in capsys.readouterr().err
    assert predict([f"run={run}"]) != 0
    assert predict([f"run={run}", f"file={table}"]) != 0
    assert "cannot be read as WAV" in capsys.readouterr().err


def test_the_test_split_is_scored_again_and_a_table_too(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert evaluate(run=run) == 0
    table = write_recordings(tmp_path, 3)
    table.write_text(table.read_text().replace("said", "text"))
    assert evaluate(run=run, path=table) == 0
    assert "10 symbols scored" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("data", ["an4", "joined_digits", "speech_csv"])
def test_every_source_runs_whole(tmp_path: Path, data: str, request: pytest.FixtureRequest):
    options = {
        "an4": ["data.train_fraction=0.02"],
        "joined_digits": ["data.train_size=12", "data.valid_size=4", "data.test_size=5"],
        "speech_csv": [f"data.path={tmp_path / 'own' / 'said.csv'}", "data.text_column=said", "data.rate=8000"],
    }[data]
    if data == "speech_csv":
        write_recordings(tmp_path / "own")
        options.append("training.patience=null")
    else:
        request.getfixturevalue("mirror")
    done = train("task=speech", f"data={data}", *SHORT, *options, f"run_dir={tmp_path / 'run'}")
    assert done.code == 0, done.err
    assert record(tmp_path / "run")["metrics"]["test"]["cer"] > 0
