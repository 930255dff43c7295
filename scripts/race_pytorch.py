"""Train a model here and in plain PyTorch, side by side.

    python scripts/race_pytorch.py rounds=9 updates=40
    python scripts/race_pytorch.py problem=translation

Both run the same batches with the same sizes, loss and optimiser: the small Penn Treebank model of Zaremba et al. 2014
(two layers of 200, 20 lanes, windows of 20, SGD on the clipped gradient of the loss summed over a window), or the
encoder-decoder with attention of `task=translation data=multi30k`. Ours is the update that `python -m gru_bench.train`
runs; PyTorch's is the training loop written the ordinary way. Each has a process of its own, because PyTorch's idle
threads would slow down what comes next in one; the processes take turns.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.batches.base import Batches
from gru_bench.errors import UserError
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.environment import device, keep_freed_memory, threads
from gru_bench.training.lengths import at_own_shape, store
from gru_bench.training.optimizer import make_optimizer, make_schedule
from gru_bench.training.setup import load_task
from gru_bench.training.step import Compiled, TrainState, make_dispatch, make_update
from gru_bench.validation import Positive

Updates = Callable[[range], list[float]]
"""Do the updates with these numbers and return their losses, in nats per token."""
Contestant = Literal["gru_bench gru", "gru_bench lstm", "pytorch gru", "pytorch lstm"]
CELLS = ("gru", "lstm")
FRAMEWORKS = ("gru_bench", "pytorch")


class Lap(NamedTuple):
    """One turn of a contestant: seconds, the mean loss of its updates, and their target tokens."""

    seconds: float
    loss: float
    tokens: int


def settings(problem: str, cell: str) -> Config:
    """Return the settings of the run whose update is raced."""
    return composed(*PROBLEMS[problem].arguments, f"model={cell}", "tracker=none")


def prepare(config: Config) -> tuple[Any, Batches[Any]]:
    """Return the task and its training batches."""
    task, data = load_task(config)
    return task, task.train_batches(data, config.training, config.seed)


def ours(config: Config) -> Updates:
    """Return the updates of `gru_bench.train`, as many per dispatch as there."""
    keep_freed_memory()
    task, windows = prepare(config)
    optimizer = make_optimizer(config.optimizer, make_schedule(config.optimizer, len(windows), None))
    network, _ = Blueprint(config, task).draw(config.seed)
    graph, params = nnx.split(network)
    carry = task.initial_carry(network, config.training.batch_size)
    update = at_own_shape(make_update(graph, task, lambda _: optimizer, config.training.loss_reduction), windows)
    dispatch = Compiled(make_dispatch(update), donate=(0,))
    state = TrainState(params, optimizer.init(params), carry, jax.random.key(1), jnp.zeros((), jnp.int32))
    at_once = config.training.updates_per_dispatch

    def run(numbers: range) -> list[float]:
        nonlocal state
        losses = []
        for first in numbers[::at_once]:
            batches = [windows.update(number) for number in numbers if first <= number < first + at_once]
            stored = {name: array[0] for name, array in store([batches], windows, at_once).items()}
            state, metrics = dispatch(state, stored, np.int32(len(batches)), {})
            losses.append(metrics.loss[: len(batches)])
        return [float(loss) for part in jax.device_get(jax.block_until_ready((state, losses)))[1] for loss in part]

    return run


def language_model(config: Config) -> Updates:
    """Return the updates of a language model in plain PyTorch: time first, fused optimiser."""
    import torch
    from torch.nn import functional

    task, windows = prepare(config)
    model, symbols, size = config.model, task.signature.outputs, cast(int, config.model.hidden_size)
    embedding = torch.nn.Embedding(symbols, size)
    layers = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[model.cell](size, size, model.layers)
    head = torch.nn.Linear(size, symbols)
    parameters = [*embedding.parameters(), *layers.parameters(), *head.parameters()]
    scale = cast(float, model.init_scale)
    for parameter in parameters:
        torch.nn.init.uniform_(parameter, -scale, scale)
    optimizer = torch.optim.SGD(parameters, lr=config.optimizer.learning_rate, fused=True)
    clip, lanes = cast(float, config.optimizer.clip_norm), config.training.batch_size
    carry: Any = None

    def run(numbers: range) -> list[float]:
        nonlocal carry
        losses = []
        for number in numbers:
            batch = windows.update(number)
            inputs = torch.from_numpy(np.ascontiguousarray(batch["inputs"].T))
            targets = torch.from_numpy(np.ascontiguousarray(batch["targets"].T)).long()
            optimizer.zero_grad()
            hidden, carry = layers(embedding(inputs), carry)
            carry = tuple(part.detach() for part in carry) if isinstance(carry, tuple) else carry.detach()
            loss = functional.cross_entropy(head(hidden.flatten(0, 1)), targets.flatten(), reduction="sum")
            (loss / lanes).backward()
            torch.nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            losses.append(float(loss.detach()) / targets.numel())
        return losses

    return run


def translator(config: Config) -> Updates:
    """Return the updates of an encoder-decoder with multiplicative attention in plain PyTorch."""
    import torch
    from torch.nn import Linear, functional
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    task, batches = prepare(config)
    model, size = config.model, cast(int, config.model.hidden_size)
    layer, width = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[model.cell], model.embedding_size or size
    read_source = torch.nn.Embedding(task.form.source.size, width)
    read_target = torch.nn.Embedding(task.form.target.size, width)
    encoder = layer(width, size, bidirectional=True, batch_first=True)
    decoder = layer(width, size, batch_first=True)
    bridge = torch.nn.ModuleList([Linear(2 * size, size) for _ in range(2 if model.cell == "lstm" else 1)])
    keys, combine, head = (
        Linear(2 * size, size, bias=False),
        Linear(3 * size, size),
        Linear(size, task.form.target.size),
    )
    modules = torch.nn.ModuleList([read_source, read_target, encoder, decoder, bridge, keys, combine, head])
    parameters = list(modules.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.optimizer.learning_rate, fused=True)

    def run(numbers: range) -> list[float]:
        losses = []
        for number in numbers:
            batch = batches.update(number)
            source, read, target = (torch.from_numpy(batch[name]).long() for name in ("source", "read", "target"))
            source_mask, mask = torch.from_numpy(batch["source_mask"]), torch.from_numpy(batch["mask"])
            optimizer.zero_grad()
            vectors = functional.dropout(read_source(source), model.input_dropout)
            lengths = source_mask.sum(dim=1).clamp(min=1)  # of rows that only fill a batch 0
            packed, final = encoder(pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False))
            states, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
            states = functional.dropout(states, model.output_dropout)
            parts = final if isinstance(final, tuple) else (final,)
            ends = [torch.cat([part[0], part[1]], dim=-1) for part in parts]
            start = tuple(torch.tanh(layer(end))[None] for layer, end in zip(bridge, ends, strict=True))
            vectors = functional.dropout(read_target(read), model.input_dropout)
            hidden, _ = decoder(vectors, start if len(start) == 2 else start[0])
            hidden = functional.dropout(hidden, model.output_dropout)
            scores = hidden @ keys(states).transpose(1, 2) / size**0.5
            scores = scores.masked_fill(~source_mask[:, None], -1e30)
            context = torch.softmax(scores, dim=-1) @ states
            combined = torch.tanh(combine(torch.cat([hidden, context], dim=-1)))
            logits = head(functional.dropout(combined, model.output_dropout)[mask])
            loss = functional.cross_entropy(logits, target[mask])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, cast(float, config.optimizer.clip_norm))
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    return run


class Problem(NamedTuple):
    """What is raced: its title, the arguments of `train`, and the updates in PyTorch."""

    title: str
    arguments: tuple[str, ...]
    pytorch: Callable[[Config], Updates]


PROBLEMS = {
    "penn_treebank": Problem(
        "Penn Treebank, two layers of 200", ("task=language_modeling", "data=ptb"), language_model
    ),
    "translation": Problem(
        "Multi30k, encoder and decoder of 256",
        ("task=translation", "data=multi30k", "model.attention=multiplicative"),
        translator,
    ),
}


def pytorch(problem: str, config: Config) -> Updates:
    """Return the same updates in plain PyTorch, written for speed the ordinary way."""
    try:
        import torch
    except ImportError as error:
        raise UserError('PyTorch is missing: pip install -e ".[bench]"') from error
    torch.set_num_threads(threads())
    torch.manual_seed(config.seed)
    return PROBLEMS[problem].pytorch(config)


def take_turns(problem: str, contestant: str, updates: int) -> None:
    """Be a contestant: do one round of updates for each line of standard input and tell how long it took."""
    framework, cell = contestant.split()
    config = settings(problem, cell)
    run = ours(config) if framework == "gru_bench" else pytorch(problem, config)
    batches = prepare(config)[1]
    done = 0
    for _ in sys.stdin:
        numbers = range(done, done + updates)
        start = time.perf_counter()
        losses = run(numbers)
        seconds = time.perf_counter() - start
        done += updates
        tokens = sum(int(batches.update(number)["mask"].sum()) for number in numbers)
        print(json.dumps(Lap(seconds, float(np.mean(losses)), tokens)), flush=True)


@contextlib.contextmanager
def started(problem: str, contestant: str, updates: int) -> Iterator[Callable[[], Lap]]:
    """Start a contestant; the function that is handed out lets it take its turn."""
    command = [sys.executable, __file__, f"problem={problem}", f"contestant={contestant}", f"updates={updates}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        to, of = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

        def lap() -> Lap:
            with contextlib.suppress(BrokenPipeError):
                to.write("go\n")
                to.flush()
            line = of.readline()
            if not line:
                raise UserError(f"{contestant} stopped; see the message above.")
            return Lap(*json.loads(line))

        try:
            yield lap
        finally:
            with contextlib.suppress(BrokenPipeError):
                to.close()


def race(
    *,
    problem: Literal["penn_treebank", "translation"] = "penn_treebank",
    rounds: Positive = 9,
    updates: Positive = 40,
    contestant: Contestant | None = None,
) -> None:
    """Race our training update against PyTorch's, GRU and LSTM.

    Args:
        problem: the model and its data
        rounds: turns of each contestant that count; one more goes first and holds the compilation
        updates: updates in a turn
        contestant: for the processes that run them
    """
    if contestant is not None:
        take_turns(problem, contestant, updates)
        return
    names = [f"{framework} {cell}" for cell in CELLS for framework in FRAMEWORKS]
    laps: dict[str, list[Lap]] = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        turns = {name: stack.enter_context(started(problem, name, updates)) for name in names}
        order = random.Random(0)
        for _ in track(range(rounds + 1), "Rounds", transient=True):
            for name in order.sample(names, len(names)):
                laps[name].append(turns[name]())
    show(problem, laps, updates)


def show(problem: str, laps: dict[str, list[Lap]], updates: int) -> None:
    """Print medians and quartiles, and the ratio of the two frameworks round by round."""
    rounds = len(next(iter(laps.values()))) - 1
    title = f"{PROBLEMS[problem].title}: {rounds} rounds of {updates} updates, median (quartiles)"
    table = Table("", "tokens per second", "ms per update", "first turn, s", "last loss", "ours / PyTorch", title=title)
    for cell in CELLS:
        seconds = {name: np.array([lap.seconds for lap in laps[f"{name} {cell}"][1:]]) for name in FRAMEWORKS}
        for framework in FRAMEWORKS:
            own = laps[f"{framework} {cell}"]
            tokens = np.array([lap.tokens for lap in own[1:]])
            ratio = spread(seconds["pytorch"] / seconds["gru_bench"], 2) if framework == "gru_bench" else ""
            table.add_row(
                f"{framework} {cell}",
                spread(tokens / seconds[framework], 0),
                spread(1000 * seconds[framework] / updates, 1),
                f"{own[0].seconds:.1f}",
                f"{own[-1].loss:.3f}",
                ratio,
            )
    console = Console(width=120, highlight=False)
    console.print(table)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "torch", "numpy"))
    console.print(f"{device()}, {threads()} threads; Python {platform.python_version()}, {versions}", soft_wrap=True)


def spread(values: np.ndarray, digits: int) -> str:
    """Write median and quartiles."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    sys.exit(run_command(race))
