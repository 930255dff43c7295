"""`python inside.py FAULT ...`: the `train` command in a process to which something happens at a given moment.

FAULT is a JSON object: `event` and `nth` say when, `action` what.

- `event`: `open` (for writing), `os.rename` or `os.remove` of a file whose path fits `path`, an audit event of Python
  that comes before the system call; or `call` of the function `function`, as in `gru_bench.outputs:write_outputs`.
- `nth`: which such event, from 1; `after`: seconds to wait then.
- `action`: `kill`; `signal` with the number `signal`; `cut`, killed by the system when a file is to grow beyond `bytes`
  more than `file` has; `fill` the file system of `folder`; `protect` the files of `folder` against writing; `starve`,
  no more than `bytes` further bytes of address space.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import importlib
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any

PAGE = 4096
_READ_ONLY = 0o555


class Moment:
    """Counts events and acts at one of them."""

    def __init__(self, fault: dict[str, Any]):
        """Take the fault; nothing happens yet."""
        self.fault = fault
        self.left = fault.get("nth", 1)

    def watch(self) -> None:
        """Begin to count."""
        if self.fault["event"] == "call":
            self._wrap(*self.fault["function"].split(":"))
        else:
            sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.left <= 0 or event != self.fault["event"]:
            return
        path, *rest = arguments
        if isinstance(path, int) or not fnmatch.fnmatch(os.fsdecode(path), self.fault["path"]):
            return
        if event != "open" or rest[-1] & (os.O_WRONLY | os.O_RDWR):
            self._count()

    def _wrap(self, module: str, name: str) -> None:
        owner = importlib.import_module(module)
        *parents, last = name.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        function = getattr(owner, last)

        @functools.wraps(function)
        def counted(*plain: Any, **named: Any) -> Any:
            self._count()
            return function(*plain, **named)

        setattr(owner, last, counted)

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            if "after" in self.fault:
                timer = threading.Timer(self.fault["after"], act, [self.fault])
                timer.daemon = True
                timer.start()
            else:
                act(self.fault)


def act(fault: dict[str, Any]) -> None:
    """Do what the fault says to this process or its files."""
    match fault["action"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "signal":
            os.kill(os.getpid(), fault["signal"])
        case "cut":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            file = Path(fault["file"]) if "file" in fault else None
            size = file.stat().st_size if file is not None and file.exists() else 0
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + fault["bytes"], resource.RLIM_INFINITY))
        case "fill":
            fill(Path(fault["folder"]))
        case "protect":
            protect(Path(fault["folder"]))
        case "starve":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
            resource.setrlimit(resource.RLIMIT_AS, (used + fault["bytes"], resource.RLIM_INFINITY))
        case _:
            raise ValueError(fault["action"])


def fill(folder: Path) -> None:
    """Leave no byte free on the file system of a folder."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(PAGE))


def protect(folder: Path) -> None:
    """Take the right to write from a folder and all in it."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(_READ_ONLY)


if __name__ == "__main__":
    from gru_bench.train import main

    Moment(json.loads(sys.argv[1])).watch()
    del sys.argv[1]
    sys.argv[0] = "train.py"
    main()
