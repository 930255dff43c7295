"""`python -m gru_bench.reproduce`: from nothing to a verdict on each claim; goes on where an earlier call stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gru_bench.arguments import run_command
from gru_bench.claims.claim import CLAIM_FILE, RESULTS_FILE, SETTINGS_FILE, Scale
from gru_bench.claims.reading import claims_in, experiments_folder, read_claim
from gru_bench.claims.rows import read_rows
from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.files import write_atomically
from gru_bench.replacing import check_replaceable
from gru_bench.report import report
from gru_bench.terminal import Terminal
from gru_bench.validation import Positive

if TYPE_CHECKING:
    from gru_bench.claims.claim import Claim
    from gru_bench.claims.rows import Row
    from gru_bench.reproduction.plan import Planner
    from gru_bench.reproduction.reproduction import Progress, Reproduction

TUNING = "tuning"
COPY_MARK = "# A copy that `python -m gru_bench.reproduce` makes and replaces: edit the original.\n"
DEFAULT_OUT: dict[Scale, Path] = {
    "smoke": Path("runs/experiments"),
    "small": Path("experiments"),
    "published": Path("experiments"),
}
EXAMPLES = (
    "python -m gru_bench.reproduce",
    "python -m gru_bench.reproduce claim=accuracy",
    "python -m gru_bench.reproduce claim=speed,memory scale=smoke",
    "python -m gru_bench.reproduce claim=long_memory scale=published",
    "python -m gru_bench.reproduce claim=accuracy,data settings=jsb,sst2",
    "python -m gru_bench.reproduce plan=true",
)


def reproduce(
    *,
    claim: str = "all",
    settings: str = "all",
    scale: Scale = "small",
    experiments: Path | Literal["auto"] = "auto",
    out: Path | Literal["auto"] = "auto",
    runs: str = "runs",
    mirror: str | None = None,
    cache: str | None = None,
    at_once: Positive = 10,
    launcher: str | None = None,
    plan: bool = False,
) -> int:
    """Train the runs that the claims need, write their rows, and report the verdicts.

    A row is written as soon as its run is finished. The same command again continues with the missing rows, and an
    interrupted run from its checkpoint. Rows whose settings have changed are replaced.

    Args:
        claim: names of claims (the folders of experiments), separated by commas; all: every one
        settings: names of settings (the entries of settings.yaml), separated by commas: only their rows are made; all:
            those of every one
        scale: smoke: a quick check of each claim, at sizes that decide nothing; small: the sizes that give verdicts;
            published: the sizes and recipes of the literature, beside their values and without a verdict
        experiments: the folder that defines the claims, for claims of your own; auto: that of gru_bench
        out: folder of the report and of results.csv of each claim; auto: experiments, with scale=smoke
            runs/experiments
        runs: folder of the run directories
        mirror: folder of local copies of public files, instead of the variable GRU_BENCH_MIRROR
        cache: folder of downloads, prepared data and compiled programs, instead of the user's cache folder
        at_once: at most this many runs are trained in one program
        launcher: a preset of hydra/launcher that trains the runs instead of this process, such as joblib
        plan: only list the runs that are missing

    Returns:
        The exit code: 0, or 1 when something could not be run.

    Raises:
        ConfigError: an unknown claim, setting or launcher, or a claim whose file is wrong.
        UserError: results cannot be read or written.
    """
    from gru_bench.reproduction.provenance import changes  # Hydra takes a second to load

    if launcher is not None:
        from gru_bench.launchers import check_launcher

        check_launcher(launcher, "launcher")
    definitions = experiments_folder() if experiments == "auto" else experiments
    known = claims_in(definitions)
    if not known:
        raise ConfigError("experiments", definitions, f"a folder that holds claims, each a folder with a {CLAIM_FILE}")
    claims = [read_claim(definitions, name) for name in _names("claim", claim, known)]
    of_claims = list(dict.fromkeys(name for one in claims for name in one.settings))
    only = None if settings == "all" else frozenset(_names("settings", settings, of_claims))
    folder = DEFAULT_OUT[scale] if out == "auto" else out
    terminal = Terminal(soft_wrap=True, highlight=False, go_on=True)
    uncommitted = "" if scale == "smoke" else changes(definitions)
    if uncommitted and not plan:
        raise UserError(uncommitted)
    if not plan:
        _copy_definitions(definitions, folder)
    places = {"paths.runs": runs, "paths.mirror": mirror, "paths.cache": cache, "tracker": "none"}
    common = tuple(f"{key}={value}" for key, value in places.items() if value is not None)
    tuning = read_claim(definitions, TUNING) if TUNING in claims_in(definitions) else None
    failures: list[str] = []
    if scale == "smoke":
        os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # to compile is nearly all that it does
    if plan:
        if uncommitted:
            terminal.print(f"not as it is: {uncommitted}")
        for wanted in _with_tuning(claims, tuning, scale):
            _say_plan(wanted, _planner(scale, only, common, tuning, folder), folder, terminal)
        return 0
    with _engine(folder, at_once, launcher, terminal) as reproduction:
        for wanted in _with_tuning(claims, tuning, scale):
            failures += reproduction.run(wanted, _planner(scale, only, common, tuning, folder))
    for line in failures:
        print(f"Not run: {line}", file=sys.stderr)
    report(folder)
    return 1 if failures else 0


def _names(key: str, text: str, known: Sequence[str]) -> list[str]:
    if text == "all":
        return list(known)
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in known:
            raise ConfigError(key, name, f"all, or {', '.join(known)}, joined by commas", nearest(name, known))
    return names


def _with_tuning(claims: Sequence[Claim], tuning: Claim | None, scale: Scale) -> list[Claim]:
    """Return the claims, with the experiment first whose trials some of their arms take over."""
    needed = scale != "published" and any(arm.tuned for claim in claims for arm in claim.arms.values())
    if needed and tuning is not None and tuning.name not in [claim.name for claim in claims]:
        return [tuning, *claims]
    return list(claims)


def _copy_definitions(definitions: Path, folder: Path) -> None:
    """Put the files that say what the claims are beside their results, where these are elsewhere."""
    if folder.resolve() == definitions.resolve():
        return
    try:
        copies = {
            folder / path.relative_to(definitions): path.read_text(encoding="utf-8")
            for path in (definitions / SETTINGS_FILE, *sorted(definitions.glob(f"*/{CLAIM_FILE}")))
        }
        for copy, text in copies.items():
            check_replaceable(copy, "out", partial(_is_copy, text), hint="Give another folder, or remove the file.")
        for copy, text in copies.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, (text if text.startswith(COPY_MARK) else COPY_MARK + text).encode())
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}). Give another folder: out=...") from error


def _is_copy(text: str, path: Path) -> bool:
    found = path.read_text(encoding="utf-8")
    return found.startswith(COPY_MARK) or found == text


@contextmanager
def _engine(folder: Path, at_once: int, launcher: str | None, terminal: Terminal) -> Iterator[Reproduction]:
    from gru_bench.reproduction.measures import measuring_process
    from gru_bench.reproduction.reproduction import Reproduction
    from gru_bench.reproduction.training import training_processes
    from gru_bench.training.replicas import use_cores_as_devices

    if launcher is None:
        use_cores_as_devices(at_once)

    def say(progress: Progress) -> None:
        left = progress.seconds_left
        ahead = "" if left is None else f"  ETA {left / 60:.0f} min"
        terminal.print(f"{progress.claim}  {progress.done}/{progress.total}  {progress.text}{ahead}")

    with measuring_process() as process, training_processes(at_once) as trainers:
        yield Reproduction(out=folder, at_once=at_once, launcher=launcher, process=process, trainers=trainers, say=say)


def _planner(
    scale: Scale, settings: frozenset[str] | None, common: tuple[str, ...], tuning: Claim | None, folder: Path
) -> Planner:
    from gru_bench.reproduction.plan import Planner

    found = None if tuning is None else (tuning, _rows(tuning, folder))
    return Planner(scale=scale, settings=settings, common=common, tuning=found)


def _rows(claim: Claim, folder: Path) -> list[Row]:
    return read_rows(folder / claim.name / RESULTS_FILE)


def _say_plan(claim: Claim, planner: Planner, folder: Path, terminal: Terminal) -> None:
    from gru_bench.reproduction.plan import missing
    from gru_bench.reproduction.provenance import other_versions

    rows = _rows(claim, folder)
    jobs, refused = planner.jobs(claim, rows)
    left = len(missing(jobs, rows))
    terminal.print(f"{claim.name}: {len(jobs)} rows, {left} of them to be made")
    for line in refused:
        terminal.print(f"    not planned yet: {line}")
    if other := other_versions(folder / claim.name / RESULTS_FILE, jobs, rows):
        terminal.print(f"    not as it is: {other}")


if __name__ == "__main__":
    sys.exit(run_command(reproduce, examples=EXAMPLES, go_on=True))
