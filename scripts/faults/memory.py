"""A host that has no memory left."""

from __future__ import annotations

from collections.abc import Iterator

from faults.runs import Ground, Trial, told, unsound

_MIB = 2**20
_MOMENTS = {
    "when JAX starts": ("gru_bench.session:load_task", 20 * _MIB),
    "before the first compilation": ("gru_bench.training.step:Compiled.__call__", 4 * _MIB),
    "in an update": ("gru_bench.training.dispatch:Dispatcher._next_batches", 0),
    "in an evaluation": ("gru_bench.training.evaluate:Evaluator.sums", 0),
    "when a checkpoint is written": ("gru_bench.training.checkpoint:Checkpoints.save", 0),
    "when pictures are drawn": ("gru_bench.outputs:write_outputs", _MIB),
}
_SAID = (
    r"error: out of memory[^.]*\.[^.]*\.|terminate called[^.]*bad_alloc|(OpenBLAS|LLVM) (error|ERROR): [^.!]*[.!]"
    r"|error: SystemError: .* returned NULL without setting an exception"  # so fails a library that does not check
)


def starved(ground: Ground) -> Iterator[Trial]:
    """Limit the address space of a run to little more than it has, at several moments; then go on without a limit."""
    for name, (function, left) in _MOMENTS.items():
        run = ground.place("starved")
        nth = 1 if left else 3
        done = ground.train(
            run, fault={"event": "call", "function": function, "nth": nth, "action": "starve", "bytes": left}
        )
        problem = "" if done.code <= 0 else told(done, _SAID, (1,))
        problem = problem or unsound(run, finished=False)
        if not problem:
            problem, _ = ground.goes_on(run)
        how = "finished all the same" if done.code == 0 else done.line(_SAID) or f"ended by signal {-done.code}"
        yield Trial(f"no memory left {name}", problem, how)
