"""`python -m gru_bench` lists the commands; `python -m gru_bench train ...` is `python -m gru_bench.train ...`."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import version

from gru_bench.errors import nearest

COMMANDS = {
    "train": "train one network, or a sweep with -m",
    "compare": "from your data to a decision between cells, in the time that you give",
    "report": "compare the cells over finished runs, or verdicts on claims",
    "evaluate": "score the test split again, or another file",
    "predict": "continue a text, classify texts, forecast a series, recall, compose",
    "export": "write the weights of a finished run for PyTorch",
    "sweep": "search settings by validation, with random draws or Optuna",
    "bench": "time a recurrent layer beside other libraries",
    "reproduce": "from nothing to a verdict on each claim",
}


def main(argv: list[str]) -> int:
    """Run the command that the first argument names, or list the commands; return the exit code."""
    name, *arguments = argv or ["--help"]
    if name in ("--help", "-h"):
        print(_listed())
        return 0
    if name == "--version":
        print(f"gru_bench {version('gru_bench')}")
        return 0
    if name not in COMMANDS:
        hint = nearest(name, COMMANDS)
        print(f"error: found '{name}', allowed: {', '.join(COMMANDS)}." + (f" {hint}" if hint else ""), file=sys.stderr)
        return 2
    sys.argv[1:] = arguments
    runpy.run_module(f"gru_bench.{name}", run_name="__main__", alter_sys=True)
    return 0


def _listed() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  python -m gru_bench.{name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["GRU or LSTM? Commands, each with --help:", "", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
