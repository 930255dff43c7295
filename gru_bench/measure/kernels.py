"""The library calls for the products of a compiled program, read from its text."""

from __future__ import annotations

import re
from collections import Counter

_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.-]+) .*\{$")
_FUSION = re.compile(r'calls=%?([\w.-]+),.*"kind":"__(\w+?)_fusion"')
_TARGET = re.compile(r'custom_call_target="([^"]+)"')


def kernels_of(program: str) -> str:
    """Return the kernels that a compiled XLA program uses for its products, with counts, and its loops.

    Custom calls are named by their target (`__cublas$gemm`, `__onednn$matmul`, a cuDNN RNN); `dot` is a product that
    XLA computes itself or through Eigen; `dot in ynn` is one inside a fusion that YNNPACK computes (`__ynn_fusion`),
    and likewise for other libraries and Triton.

    Args:
        program: the optimised program as text.
    """
    libraries = {match[1]: match[2] for match in _FUSION.finditer(program)}
    counts: Counter[str] = Counter()
    computation = ""
    for line in program.splitlines():
        if opened := _COMPUTATION.match(line):
            computation = opened[1]
        elif " dot(" in line:
            counts[f"dot in {libraries[computation]}" if computation in libraries else "dot"] += 1
        elif " while(" in line:
            counts["loop"] += 1
        elif " custom-call(" in line and (target := _TARGET.search(line)):
            counts[target[1]] += 1
    return describe_counts(counts)


def describe_counts(counts: Counter[str]) -> str:
    """Return counts as text, such as `2 dot, 1 loop`."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "no product"
