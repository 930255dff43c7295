from __future__ import annotations

import subprocess
import sys
import time

import psutil

PROGRAM = """
import os
import time
from gru_bench.reproduction.measures import measuring_process
if __name__ == "__main__":
    with measuring_process() as process:
        print(process.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""


def test_the_measuring_process_ends_when_its_parent_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        measuring = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    limit = time.monotonic() + 60
    while measuring.is_running() and measuring.status() != psutil.STATUS_ZOMBIE and time.monotonic() < limit:
        time.sleep(0.1)
    assert not measuring.is_running() or measuring.status() == psutil.STATUS_ZOMBIE
