"""What is measured beyond a run: each measure of the room `measure`, row by row.

They are made in a process of their own, in which the cores are one device and nothing is trained but what is measured.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor

from gru_bench.claims.claim import Measure
from gru_bench.claims.rows import Key
from gru_bench.config import Config
from gru_bench.machine_load import LoadMeter
from gru_bench.reproduction.plan import Job

Numbers = Mapping[str, float | None]
Measured = list[tuple[Key, Numbers]]

UPDATES_PER_ROUND = 20


def measuring_process() -> Executor:
    """Return the process; it is started when it is first needed."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)


def end_with_parent() -> None:
    """Have this process end with the one that started it, which may be killed and then says nothing."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def measure(jobs: Sequence[Job], process: Executor) -> tuple[Measured, float | None]:
    """Return the numbers of jobs of one part and setting, and how many cores other processes kept busy meanwhile."""
    return process.submit(_measured, jobs[0].part.measure, jobs).result()


def _measured(name: Measure, jobs: Sequence[Job]) -> tuple[Measured, float | None]:
    from gru_bench.data.factory import find_cache
    from gru_bench.training.compilation_cache import compiled_programs_kept
    from gru_bench.training.environment import keep_freed_memory
    from gru_bench.training.jax_settings import set_up_jax

    set_up_jax()
    keep_freed_memory()
    load = LoadMeter()
    load.start()
    with compiled_programs_kept(find_cache(jobs[0].config.paths)):
        rows = MEASURES[name](jobs)
    return rows, load.stop()


def _each(function: Callable[[Job], Numbers]) -> Callable[[Sequence[Job]], Measured]:
    """Return the measure that takes its jobs one by one."""
    return lambda jobs: [(job.key, function(job)) for job in jobs]


def _in_rounds(
    function: Callable[[Mapping[str, Config], int], Mapping[str, list[float]]], column: str
) -> Callable[[Sequence[Job]], Measured]:
    """Return the measure that times all arms of a level in turn; the seed of a row is its round."""

    def rows(jobs: Sequence[Job]) -> Measured:
        found: Measured = []
        for level in dict.fromkeys(job.key.level for job in jobs):
            timed = [job for job in jobs if job.key.level == level]
            rounds = sorted({job.key.seed for job in timed})
            seconds = function({job.key.arm: job.config for job in timed}, len(rounds))
            found += [(job.key, {column: seconds[job.key.arm][rounds.index(job.key.seed)]}) for job in timed]
        return found

    return rows


def _parameters(job: Job) -> Numbers:
    from gru_bench.measure.parameters import parameter_numbers

    return parameter_numbers(job.config)


def _memory(job: Job) -> Numbers:
    from gru_bench.measure.memory import memory_numbers

    return memory_numbers(job.config)


def _gradient_flow(job: Job) -> Numbers:
    from gru_bench.measure.gradient_flow import initial_gradient_norms, trained_gradient_norms

    return trained_gradient_norms(job.config.directory) if job.part.trained else initial_gradient_norms(job.config)


def _quantised(job: Job) -> Numbers:
    from gru_bench.measure.quantised import quantised_numbers

    return quantised_numbers(job.config.directory)


def _update_time(configs: Mapping[str, Config], rounds: int) -> Mapping[str, list[float]]:
    from gru_bench.measure.updates import update_seconds

    return update_seconds(configs, rounds, UPDATES_PER_ROUND)


def _layer_time(configs: Mapping[str, Config], rounds: int) -> Mapping[str, list[float]]:
    from gru_bench.measure.ours import layer_seconds
    from gru_bench.measurement import Shape

    cells = {arm: config.model.cell for arm, config in configs.items()}
    first = next(iter(configs.values()))
    hidden = first.model.hidden_size or 0
    shape = Shape(first.training.batch_size, first.training.bptt_window, hidden, hidden)
    seconds = layer_seconds(list(cells.values()), shape, rounds)
    return {arm: seconds[cell] for arm, cell in cells.items()}


def _streaming_time(configs: Mapping[str, Config], rounds: int) -> Mapping[str, list[float]]:
    from gru_bench.measure.streaming import latency

    return latency(configs, rounds)


MEASURES: Mapping[Measure, Callable[[Sequence[Job]], Measured]] = {
    "parameters": _each(_parameters),
    "memory": _each(_memory),
    "gradient_flow": _each(_gradient_flow),
    "quantised": _each(_quantised),
    "update_time": _in_rounds(_update_time, "seconds_per_update"),
    "layer_time": _in_rounds(_layer_time, "seconds_per_update"),
    "streaming_time": _in_rounds(_streaming_time, "seconds_per_step"),
}
