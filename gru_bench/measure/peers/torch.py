"""PyTorch: `torch.nn.GRU`, `LSTM` and `RNN`, on the processor or through cuDNN."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # its profiler would write to standard error that it starts and stops

import jax
import torch
from torch.profiler import ProfilerActivity, profile

from gru_bench.measure.kernels import describe_counts
from gru_bench.measure.layer import CALLS_PER_STEP_TIMING, Prepared, operands
from gru_bench.measurement import Point
from gru_bench.training.environment import threads

_MODULES: dict[str, Any] = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}
_PRODUCTS = ("mkldnn_rnn", "_cudnn_rnn", "_thnn_fused", "miopen_rnn", "addmm", "mm", "bmm", "mkldnn_linear")


class Torch:
    """The recurrent modules of PyTorch, batch first, on the kind of device that JAX uses."""

    def __init__(self) -> None:
        self._device = torch.device("cuda" if jax.devices()[0].platform == "gpu" else "cpu")
        torch.set_num_threads(threads())

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        if self._device.type == "cuda" and not torch.cuda.is_available():
            return "it sees no GPU while JAX does"
        return None if point.cell in _MODULES else f"it has no {point.cell}"

    def prepare(self, point: Point) -> Prepared:
        """Build the layer for a point; nothing is compiled."""
        shape, options = point.shape, {"device": self._device, "dtype": getattr(torch, point.precision)}
        module = _MODULES[point.cell](shape.input, shape.hidden, batch_first=True, **options)
        weights = list(module.parameters())
        inputs, cotangent = (torch.from_numpy(array).to(**options) for array in operands(point))
        inputs.requires_grad_(point.what == "training")

        def forward() -> None:
            with torch.inference_mode():
                module(inputs)

        def training() -> None:
            loss = (module(inputs)[0] * cotangent).sum()
            torch.autograd.grad(loss, [*weights, inputs])

        carry: list[Any] = [None]

        def step() -> None:
            with torch.inference_mode():
                _, carry[0] = module(inputs[:, :1], carry[0])

        work = {"forward": forward, "training": training, "step": step}[point.what]
        calls = CALLS_PER_STEP_TIMING if point.what == "step" else 1
        return Prepared(
            run=self._repeated(work, calls),
            calls=calls,
            kernel=self._kernels(work),
            parameter_bytes=sum(weight.nbytes for weight in weights),
        )

    def _repeated(self, work: Callable[[], None], calls: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(calls):
                work()
                if self._device.type == "cuda":
                    torch.cuda.synchronize()

        return run

    def _kernels(self, work: Callable[[], None]) -> str:
        """Return the operators that compute products, with their number of calls, from a profile of one run."""
        work()
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            work()
        counts: Counter[str] = Counter()
        for event in profiled.key_averages():
            name = event.key.removeprefix("aten::")
            if event.key.startswith("aten::") and name.startswith(_PRODUCTS):
                counts[event.key] += event.count
        return describe_counts(counts)
