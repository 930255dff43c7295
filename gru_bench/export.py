"""`python -m gru_bench.export run=DIR out=FILE`: the weights of a finished run, for other libraries."""

from __future__ import annotations

import sys
from pathlib import Path

from gru_bench.arguments import names, run_command
from gru_bench.errors import UserError
from gru_bench.files import write_atomically
from gru_bench.jax_import import import_jax
from gru_bench.record import read_record
from gru_bench.replacing import check_replaceable
from gru_bench.state_dicts import check_suffix, encode, is_state_dict

EXAMPLES = (
    "python -m gru_bench.export run=runs/language_modeling/reber/gru-1a2b3c4d/seed0 out=weights.safetensors",
    "python -m gru_bench.export run=runs/sentiment/imdb/lstm-1a2b3c4d/seed0 out=weights.pt",
)


def export(*, run: Path, out: Path, overwrite: bool = False, plugins: str = "") -> None:
    """Write the best weights of a finished run as a PyTorch state dict, and say which modules it fits.

    Networks whose cell and options PyTorch has can be exported; the outputs are equal up to rounding.

    Args:
        run: the directory of a finished run
        out: a .safetensors file, or a .pt file, which needs PyTorch
        overwrite: replace out also where it is a file that this command has not written; never a file of a run
        plugins: modules or packages of your own, separated by commas, whose classes the run may use

    Raises:
        UserError: there is no such run, it is not finished, PyTorch has no such network, or the file cannot be written.
    """
    record = read_record(run)  # JAX takes seconds to load, and a wrong directory or file needs none
    if record.status != "finished":
        raise UserError(f"{run}: the run is {record.status}, expected a finished one. Its train command continues it.")
    check_suffix(out, "out")
    check_replaceable(out, "out", is_state_dict, overwrite=overwrite)
    import_jax()
    from gru_bench.models.torch_weights import export_torch, torch_modules
    from gru_bench.training.jax_settings import check_xla_flags, set_up_jax
    from gru_bench.training.saved import load_run

    check_xla_flags()
    set_up_jax()
    network = load_run(run, names(plugins)).network
    write_atomically(out, encode(export_torch(network), out.suffix))
    for name, module in torch_modules(network).items():
        print(f"self.{name} = {module}")
    print(f"Written: {out}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_command(export, examples=EXAMPLES))
