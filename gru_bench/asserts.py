"""Modules of other packages whose `assert` statements do work: they are needed under `python -O`, too."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType


def keep_asserts(module: ModuleType) -> None:
    """Load a module once more with its assert statements, which `python -O` leaves out."""
    _AssertingLoader(module.__name__, str(module.__file__)).exec_module(module)


class _AssertingLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Return the code without optimisation, whatever is kept of it."""
        return self.source_to_code(self.get_data(self.path), self.path, _optimize=0)  # pyright: ignore[reportCallIssue]
