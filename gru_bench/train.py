"""`python -m gru_bench.train task=... data=... model=...`: train one network, or a sweep with -m."""

from __future__ import annotations

import sys

try:
    from gru_bench.checks import check_own_files, check_settings
    from gru_bench.compose import hydra_entry
    from gru_bench.config import Config
    from gru_bench.jax_import import import_jax
    from gru_bench.training.signals import leave_at_once
except KeyboardInterrupt:  # loading Hydra takes a second, in which nothing is begun
    sys.exit(130)


def run(config: Config) -> int:
    """Train, go on with an unfinished run, or show a finished one; return the exit code."""
    check_settings(config)
    check_own_files(config)
    import_jax()
    from gru_bench.session import run_session  # JAX is loaded here, after all that can be checked without it

    return run_session(config)


main = hydra_entry(run)

if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        leave_at_once(int(end.code or 0))
        raise
