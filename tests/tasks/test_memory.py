from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gru_bench.data.generated import adding, brackets, copy_memory, counting_languages, two_clocks
from gru_bench.data.public import mnist
from gru_bench.data.sequences.sequences import Sequences, make_sequences
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.network import Network
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.memory import PROBLEMS, Memory
from gru_bench.tasks.memory_problem import Problem
from gru_bench.tasks.task import Task
from gru_bench.training.evaluate import Evaluator
from tests.data.pictures import FORM
from tests.networks import make_model

PLACES: Any = {"mirror": None, "cache": Path()}
SIZES: Any = {"train_size": 8, "valid_size": 5, "test_size": 7}


def pictures() -> Sequences:
    """Pictures of noise in the form of MNIST, 16 time steps."""
    form = {**FORM, "classes": list("0123456789"), "side": 28, "downsample": 7}
    grey = (np.random.PCG64(0).random_raw(20 * 784) % np.uint64(256)).astype(np.uint8).reshape(20, 28, 28)
    every = mnist.examples(grey, np.arange(20) % 10, form)
    return make_sequences(form, 8, every.take(slice(8)), 0, every.take(slice(8, 13)), every.take(slice(13, None)))


DATA: dict[str, Sequences] = {
    "adding": adding.load(**PLACES, length=12, **SIZES),
    "copy": copy_memory.load(**PLACES, delay=3, **SIZES),
    "anbn": counting_languages.loader("ab")(**PLACES, longest=3, test_longest=6),
    "anbncn": counting_languages.loader("abc")(**PLACES, longest=3, test_longest=6),
    "mnist": pictures(),
    "two_clocks": two_clocks.load(**PLACES, ratio=2, length=10, **SIZES),
    "brackets": brackets.load(**PLACES, depth=2, test_depth=3, length=14, **SIZES),
}
TASKS = {name: Memory(data.describe()) for name, data in DATA.items()}
TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=3)
OWN = {
    "adding": "0.5* 0.1 0.25*",
    "copy": "0123456701",
    "anbn": "aabb",
    "anbncn": "aabbcc",
    "mnist": ",".join(["7"] + ["0", "255"] * 392),
    "two_clocks": "s2 f0 . . f3",
    "brackets": "([.]{.})",
}


def network(name: str, cell: str = "gru") -> Network:
    """A network whose outputs differ: its weights are far from zero."""
    config = ModelConfig(cell=cell, hidden_size=5, init="uniform", init_scale=1.0)
    return make_model(config, TRAINING, TASKS[name].signature, jax.random.key(0))


def metrics(name: str, of: Network, **training: Any) -> dict[str, float]:
    graph, params = nnx.split(of)
    config = TrainingConfig(updates=1, **{"eval_batch_size": 3, **training})
    return Evaluator(graph, TASKS[name])(params, TASKS[name].eval_batches(DATA[name], "test", config))


def score(name: str, outputs: np.ndarray, examples: Any = None) -> dict[str, float]:
    """Return the metrics of outputs for the whole test split."""
    problem = TASKS[name].problem
    batch = (DATA[name].test if examples is None else examples)._asdict()
    return problem.metrics(jax.device_get(jax.jit(problem.score)(jnp.asarray(outputs, jnp.float32), batch)))


@pytest.mark.parametrize("name", DATA)
def test_it_is_a_task(name: str):
    task = TASKS[name]
    assert isinstance(task, Task)
    assert isinstance(task.problem, Problem)
    assert Memory(json.loads(json.dumps(task.describe()))).describe() == task.describe()
    assert task.describe()["problem"] in PROBLEMS
    assert task.metric in metrics(name, network(name))


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", DATA)
def test_metrics_do_not_depend_on_batches(name: str):
    of = network(name, "lstm")
    one, other = metrics(name, of, eval_batch_size=3), metrics(name, of, eval_batch_size=100)
    assert one == pytest.approx(other, rel=1e-5)
    assert one["items"] == DATA[name].test.mask.sum()


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", DATA)
def test_the_loss_is_the_sum_over_what_counts_alone(name: str):
    task, of = TASKS[name], network(name)
    whole = jax.jit(lambda of, batch: task.loss(of, batch, (), None))
    batch = task.train_batches(DATA[name], TRAINING, 0).at(0, 0)
    found = whole(of, batch)
    assert float(found.items) == batch["mask"].sum()
    assert found.carry == ()
    alone = [float(whole(of, {key: array[row : row + 1] for key, array in batch.items()}).total) for row in range(4)]
    assert float(found.total) == pytest.approx(sum(alone), rel=1e-5)
    masked = {**batch, "mask": batch["mask"] & (np.arange(4) < 2)[:, None]}
    assert float(whole(of, masked).total) == pytest.approx(sum(alone[:2]), rel=1e-5)


@pytest.mark.parametrize("name", ["anbn", "anbncn"])
def test_what_stands_in_padding_never_matters(name: str):
    task, of, test = TASKS[name], network(name), DATA[name].test
    other = test._replace(inputs=np.where(test.padding, test.inputs, 2).astype(np.int32))
    sums = jax.jit(lambda of, batch: task.score(of, batch, ())[1])
    one, two = (jax.device_get(sums(of, examples._asdict())) for examples in (test, other))
    assert float(one["loss"]) == pytest.approx(float(two["loss"]), rel=1e-6)
    np.testing.assert_array_equal(one["right"], two["right"])


# Scores by hand


def test_adding_is_scored_by_the_last_output():
    test = DATA["adding"].test
    outputs = np.full((7, 12, 1), 99.0)
    outputs[:, -1, 0] = test.targets[:, -1] + np.array([0, 0.03, -0.03, 0.05, -0.5, 0, 0])
    found = score("adding", outputs)
    assert found["mse"] == pytest.approx((2 * 0.03**2 + 0.05**2 + 0.25) / 7, rel=1e-4)
    assert found["correct"] == pytest.approx(5 / 7)
    expected = ((test.targets[:, -1] - 1) ** 2).mean()
    assert TASKS["adding"].baselines(DATA["adding"])["always 1"]["mse"] == pytest.approx(expected, rel=1e-5)


def test_errors_of_sums_are_told_apart_by_the_place_of_the_first_mark():
    values, markers = np.zeros((3, 40), np.float32), np.zeros((3, 40), np.float32)
    for row, first in enumerate((0, 1, 19)):
        markers[row, [first, 30]] = 1
    task = Memory({"problem": "adding", "length": 40})
    batch = adding.examples(values, markers)._asdict()
    sums = task.problem.score(jnp.full((3, 40, 1), 2.0), batch)
    assert sums["sequences"].tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert sums["squared"].tolist() == [8.0, 0, 0, 0, 0, 0, 0, 0, 0, 4.0]


def test_the_memoryless_copy_has_the_loss_of_the_literature():
    found = TASKS["copy"].baselines(DATA["copy"])["memoryless"]
    assert found["nll"] == pytest.approx(10 * math.log(8) / 23, rel=1e-5)


def test_copying_is_scored_symbol_by_symbol():
    targets = DATA["copy"].test.targets
    outputs = 50.0 * np.eye(9)[targets]
    assert score("copy", outputs) == pytest.approx({"nll": 0.0, "recalled": 1.0, "items": 7 * 23}, abs=1e-6)
    outputs[:2, -10] = outputs[:2, -10, ::-1]  # two wrong symbols out of 70 (none is its own mirror image, 4)
    assert (targets[:2, -10] != 4).all()
    assert score("copy", outputs)["recalled"] == pytest.approx(1 - 2 / 70)


def test_time_steps_are_right_where_both_registers_are():
    test = DATA["two_clocks"].test
    outputs = 10.0 * np.concatenate([np.eye(4)[test.targets[..., 0]], np.eye(4)[test.targets[..., 1]]], axis=2)
    found = score("two_clocks", outputs)
    assert (found["right"], found["fast_right"], found["slow_right"]) == (1, 1, 1)
    outputs[:, 5, :4] = np.roll(outputs[:, 5, :4], 1, axis=1)
    outputs[:, 6] = np.roll(outputs[:, 6].reshape(-1, 2, 4), 1, axis=2).reshape(-1, 8)
    found = score("two_clocks", outputs)
    assert (found["right"], found["fast_right"], found["slow_right"]) == pytest.approx((7 / 9, 7 / 9, 8 / 9))
    assert TASKS["two_clocks"].baselines(DATA["two_clocks"])["memoryless"]["right"] < 0.5


def test_brackets_are_counted_by_depth():
    test = DATA["brackets"].test
    outputs = 10.0 * np.eye(4)[test.targets[..., 0]]
    assert score("brackets", outputs) == pytest.approx({"right": 1, "deepest": 3, "nll": 0, "items": 17}, abs=1e-3)
    second = test.targets[..., 1] == 2
    outputs[second] = np.roll(outputs[second], 1, axis=1)
    found = score("brackets", outputs)
    assert found["deepest"] == 1
    assert found["right"] == pytest.approx(1 - (second & test.mask).sum() / test.mask.sum())
    deep = brackets.load(**PLACES, length=40, train_size=1, valid_size=1, test_size=200)
    assert 0.6 < TASKS["brackets"].baselines(deep)["last opened"]["right"] < 0.9


def test_strings_are_right_when_all_that_may_follow_is_said():
    test = DATA["anbn"].test
    outputs = np.where(test.targets, 1.0, -1.0)
    found = score("anbn", outputs)
    assert (found["longest"], found["strings_right"]) == (6, 1)
    assert found["nll"] == pytest.approx(3 * math.log1p(math.exp(-1)), rel=1e-5)
    outputs[3, 2, 0] = 1.0  # n = 4: after `aa` the end may follow, it says
    found = score("anbn", outputs)
    assert (found["longest"], found["strings_right"]) == (3, pytest.approx(5 / 6))
    outputs[0, 0] = -outputs[0, 0]
    assert score("anbn", outputs)["longest"] == 0


@pytest.mark.parametrize("name", ["anbn", "anbncn"])
def test_the_last_symbol_alone_gets_no_string_right(name: str):
    found = TASKS[name].baselines(DATA[name])["last symbol alone"]
    assert (found["longest"], found["strings_right"]) == (0, 0)
    assert 0.05 < found["nll"] < 1


# For people


@pytest.mark.parametrize("name", DATA)
def test_pictures_and_samples_of_a_run(name: str):
    task, of = TASKS[name], network(name)
    graph, params = nnx.split(of)
    sums = Evaluator(graph, task).sums(params, task.eval_batches(DATA[name], "test", TRAINING))
    assert len(task.figures(of, DATA[name], sums)) == (2 if name == "brackets" else 1)
    samples = task.samples(of, DATA[name], 0)
    assert len(samples) == 4
    assert all(sample.output.startswith("output: ") for sample in samples)
    assert Memory(DATA[name].describe(), samples=0).samples(of, DATA[name], 0) == []


@pytest.mark.parametrize("name", DATA)
def test_own_sequences_are_answered_and_scored(name: str, tmp_path: Path):
    task, of = TASKS[name], network(name)
    file = tmp_path / "own.txt"
    file.write_text(f"{OWN[name]}\n\n{OWN[name]}\n")
    found = task.predict(of, OWN[name], file=file)
    assert len(found.rows) == 3
    assert found.rows[0] == found.rows[1] == found.rows[2]
    assert str(found.text).splitlines()[0].startswith(f"{found.rows[0]['given']}\toutput: ")
    graph, params = nnx.split(of)
    scored = Evaluator(graph, task)(params, task.file_batches(file, TRAINING))
    assert scored["items"] == 2 * task.problem.read(OWN[name]).mask.sum()
    with pytest.raises(ConfigError, match="sequences as arguments, or file=FILE"):
        task.predict(of)


def test_sequences_come_from_standard_input_and_blank_lines_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task, of = TASKS["adding"], network("adding")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OWN['adding']}\n"))
    assert task.predict(of, file=Path("-")).rows == task.predict(of, OWN["adding"]).rows
    (tmp_path / "blank.txt").write_text("\n \n")
    for read, key in (
        (lambda path: task.predict(of, file=path), "file"),
        (lambda path: task.file_batches(path, TRAINING), "path"),
    ):
        with pytest.raises(DataError, match=rf"^{key}: .*blank\.txt has blank lines alone"):
            read(tmp_path / "blank.txt")


def test_what_is_told_of_a_sum():
    outputs = np.array([[0.1], [0.2], [0.8]])
    found = TASKS["adding"].problem.describe(adding.read("0.5* 0.1 0.25*"), outputs)
    assert found == {"given": "0.5000 + 0.2500 at time steps 1 and 3 of 3", "output": 0.8, "sum": 0.75}


def test_what_is_told_of_a_copy():
    example = copy_memory.read("0123456701", 3)
    outputs = np.eye(9)[example.targets[0]]
    outputs[-1] = np.eye(9)[8]
    found = TASKS["copy"].problem.describe(example, outputs)
    assert found == {"given": "0123456701", "output": "012345670_", "right": 9}


def test_what_is_told_of_clocks_and_brackets():
    example = two_clocks.read("s2 f0 . . f3")
    outputs = np.concatenate([np.eye(4)[example.targets[0, :, 0]], np.eye(4)[example.targets[0, :, 1]]], axis=1)
    found = TASKS["two_clocks"].problem.describe(example, outputs)
    assert found == {"given": "s2 f0 . . f3", "output": "f3 s2", "truth": "f3 s2"}
    example = brackets.read("([.]{.")
    found = TASKS["brackets"].problem.describe(example, np.eye(4)[example.targets[0, :, 0]])
    assert found == {"given": "([.]{.", "output": "}", "truth": "}", "right": "2 of 2"}
    with pytest.raises(DataError, match="expected a bracket to close"):
        TASKS["brackets"].problem.read_known("...")


@pytest.mark.parametrize(
    ("word", "given", "output", "truth"),
    [
        ("aab", "a^2 b", "refused after 3 letters", "not in the language"),
        ("aabb", "a^2 b^2", "accepted", "in the language"),
        ("aabbb", "a^2 b^3", "refused after 4 letters", "not in the language"),
    ],
)
def test_what_a_perfect_network_says_of_a_string(word: str, given: str, output: str, truth: str):
    example = counting_languages.read(word, "ab")
    outputs = np.where(example.targets[0], 1.0, -1.0)
    assert TASKS["anbn"].problem.describe(example, outputs) == {"given": given, "output": output, "truth": truth}


@pytest.mark.parametrize("line", ["aab", "a" * 7 + "b" * 7])
def test_strings_without_known_targets_are_not_scored(line: str, tmp_path: Path):
    (tmp_path / "own.txt").write_text(line)
    with pytest.raises(DataError, match=r"expected a string of a\^n b\^n with n from 1 to 6"):
        TASKS["anbn"].file_batches(tmp_path / "own.txt", TRAINING)
