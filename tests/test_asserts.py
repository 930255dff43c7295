"""`python -O` leaves assert statements out, in which Hydra's parser does some of its work."""

from __future__ import annotations

import subprocess
import sys

from tests.training.support import ROOT

PARSING = """
from gru_bench.overrides import OverridesParser
parser = OverridesParser.create()
print([list(parser.parse_override(text).sweep_iterator()) for text in ("seed=range(0,2)", "a=choice(1,2)")])
print(parser.parse_override("a={b:1,c:[2,3]}").value())
"""


def test_functions_and_mappings_are_parsed_without_asserts():
    done = subprocess.run([sys.executable, "-O", "-c", PARSING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[[0, 1], [1, 2]]", "{'b': 1, 'c': [2, 3]}"], done.stderr
