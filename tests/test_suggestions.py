"""What a newcomer types, and which setting is meant."""

from __future__ import annotations

import pytest

from gru_bench.compose import composed
from gru_bench.errors import ConfigError, nearest
from gru_bench.suggestions import for_choice, for_flag


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["lr=0.1"], "Did you mean 'optimizer.learning_rate'?"),
        (["optimizer.lr=0.1"], "Did you mean 'optimizer.learning_rate'?"),
        (["epochs=3"], "Did you mean 'training.epochs'?"),
        (["max_epochs=3"], "Did you mean 'training.epochs'?"),
        (["batch_size=3"], "Did you mean 'training.batch_size'?"),
        (["hidden=3"], "Did you mean 'model.hidden_size'?"),
        (["model.num_layers=3"], "Did you mean 'model.layers'?"),
        (["dropout=0.1"], "Did you mean 'model.output_dropout'?"),
        (["dataset=ptb"], "Did you mean 'data'?"),
        (["launcher=joblib"], "Did you mean 'hydra/launcher'?"),
        (["device=cuda"], "JAX takes a GPU where it finds one"),
        (["path=book.txt"], "For a file of your own: data=text_file data.path=book.txt"),
        (["task=sentiment", "file=a.csv"], "For a file of your own: task=sentiment data=text_csv data.path=a.csv"),
        (["model=GRU"], "Did you mean 'gru'?"),
        (["data=book.txt"], "For a file of your own: data=text_file data.path=book.txt"),
        (["data=my books/1.txt"], "For a file of your own: data=text_file data.path=my books/1.txt"),
        (["seed=1,2"], "give one value, or quote a value that holds commas."),
    ],
)
def test_a_foreign_word_is_answered_with_ours(arguments: list[str], hint: str):
    with pytest.raises(Exception, match=r"found|Ambiguous") as caught:
        composed(*arguments)
    assert hint in str(caught.value)


def test_tables_of_users_by_task():
    sources = {"time_series": "series_csv", "anomaly": "anomaly_csv", "classification": "sequences_file"}
    for task, source in sources.items():
        assert for_choice("data", "a.csv", (), task).endswith(f"task={task} data={source} data.path=a.csv")
    assert "task=classification data=sequences_file" in for_choice("data", "motion.ts", (), "")
    assert "data=series_csv data.path=a.csv, or task=sentiment data=text_csv" in for_choice("data", "a.csv", (), "")


def test_flags_of_others():
    assert for_flag("--lr=0.1").endswith("optimizer.learning_rate=0.1")
    assert for_flag("--batch-size").endswith("training.batch_size=...")
    assert for_flag("--gpu").startswith("JAX takes a GPU")


def test_names_are_near_whatever_their_capitals():
    assert nearest("LSTM", ["gru", "lstm"]) == "Did you mean 'lstm'?"
    assert nearest("ett", ["ETTh1"]) == "Did you mean 'ETTh1'?"


def test_the_refusal_is_an_error_of_settings():
    with pytest.raises(ConfigError):
        composed("lr=3")
