"""What a newcomer meets: README commands, presets, pages, extras, licence, and the wheel."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from gru_bench.checks import check_settings
from gru_bench.classes import configs_folder
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.factory import check_data
from gru_bench.sections import DataConfig
from gru_bench.validation import settings
from tests.presets import ACCEPTS, CELLS, LOADERS, TASKS

ROOT = Path(__file__).parents[1]
PAGES = sorted({ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")})
TRAIN = "python -m gru_bench.train"
FIRST = f"pip install -e . && {TRAIN} task=language_modeling"
SECOND = 'pip install -e ".[test]" && pytest'
NEEDED = {
    "text_file": ["data.path=book.txt"],
    "tfds": ["data.name=lm1b"],
    "text_csv": ["data.path=reviews.csv"],
    "series_csv": ["data.path=sales.csv"],
    "anomaly_csv": ["data.path=pump.csv"],
    "sequences_file": ["data.path=gestures.csv"],
    "conll_file": ["data.path=sentences.conll"],
    "pairs_file": ["data.path=pairs.tsv"],
    "speech_csv": ["data.path=said.csv"],
    "dialogue_file": ["data.path=dialogues.txt"],
    "caption_folder": ["data.path=captions.csv"],
}
GROUPS = {path.name: sorted(file.stem for file in path.glob("*.yaml")) for path in (ROOT / "configs").iterdir()}
NO_GROUPS = ("hydra", "launchers", "sweeps", "train.yaml")
CHOICES = [(group, choice) for group, choices in GROUPS.items() if group not in NO_GROUPS for choice in choices]


@pytest.fixture(autouse=True)
def fresh_hydra() -> Iterator[None]:
    GlobalHydra.instance().clear()
    yield
    GlobalHydra.instance().clear()


def checked(*overrides: str) -> Config:
    """Return the settings of a command line, checked as the run itself does."""
    config = composed(*overrides)
    check_settings(config)
    return config


def with_data(source: str) -> list[str]:
    """Return the overrides that choose a source, and a task that it serves."""
    task = next(name for name, kind in ACCEPTS.items() if kind in LOADERS[source].kinds)
    return [f"task={task}", f"data={source}", *NEEDED.get(source, [])]


def where_used(group: str, choice: str) -> list[str]:
    """Return the overrides that choose a preset, with the first data set that names it, if any."""
    if group == "data":
        return with_data(choice)
    named = f"/{group}@_global_.{group}: {choice}\n"
    users = [path.stem for path in sorted((ROOT / "configs/data").glob("*.yaml")) if named in path.read_text()]
    return [*(with_data(users[0]) if users else []), f"{group}={choice}"]


# Presets


def test_the_configs_of_the_checkout_are_used():
    assert configs_folder() == ROOT / "configs"
    assert (configs_folder() / "train.yaml").is_file()


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_preset_gives_valid_settings(group: str, choice: str):
    config = checked(*where_used(group, choice))
    found = {"data": config.data.source, "model": config.model.cell, "task": config.task.name}
    found["tracker"] = config.tracker.name
    assert found.get(group, choice) == choice


@pytest.mark.slow
@pytest.mark.parametrize("data", GROUPS["data"])
def test_the_choice_of_a_cell_changes_nothing_else(data: str):
    configs = [checked(f"model={cell}", *with_data(data)) for cell in GROUPS["model"]]
    assert [config.model.cell for config in configs] == GROUPS["model"]
    alike = [dataclasses.replace(config.model, cell="", class_=None, options={}) for config in configs]
    assert alike == [alike[0]] * len(alike)
    for section in ("task", "data", "optimizer", "training"):
        assert [getattr(config, section) for config in configs] == [getattr(configs[0], section)] * len(configs)


def test_a_group_on_the_command_line_wins_over_the_preset_of_the_data():
    config = checked("data=ptb", "network=char_256", "training=reber", "optimizer=adamw")
    assert (config.model.hidden_size, config.model.layers) == (256, 1)
    assert (config.training.updates, config.optimizer.rule) == (1500, "adamw")


def test_names_in_code_and_presets_are_the_same():
    assert GROUPS["data"] == sorted(LOADERS)
    assert GROUPS["model"] == sorted(CELLS)
    assert GROUPS["task"] == sorted(TASKS)


def test_the_presets_of_a_source_show_its_defaults():
    for name, source in LOADERS.items():
        config = checked(*with_data(name))
        supplied = ("mirror", "cache", "kind")
        known = {key: value.default for key, value in settings(source).items() if key not in supplied}
        given = {text.partition("=")[0].removeprefix("data.") for text in NEEDED.get(name, [])}
        shown = {key: value for key, value in config.data.options.items() if key not in given}
        assert shown == {key: value for key, value in known.items() if key not in given}, name


# Pages


def commands(text: str) -> list[str]:
    """Return the command lines in the code blocks of a page."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    indented = re.findall(r"^ {4}(.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return [line.strip() for block in (*fenced, *indented) for line in block.splitlines()]


def trainings() -> list[str]:
    help_file = (ROOT / "configs/hydra/help/gru_bench.yaml").read_text(encoding="utf-8")
    lines = [line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))] + help_file.splitlines()
    found = {line.partition(TRAIN)[2].split(" && ")[0].split("  ")[0].strip() for line in lines if TRAIN in line}
    return sorted(arguments for arguments in found if not arguments.startswith(("[", "key=", "--config-dir")))


def test_the_readme_holds_its_two_commands_letter_by_letter():
    lines = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert FIRST in lines
    assert SECOND in lines


@pytest.mark.parametrize("arguments", trainings())
def test_every_training_command_in_the_pages_has_valid_settings(arguments: str):
    words = [word for word in shlex.split(arguments) if word not in ("-m", "--cfg", "job", "--help")]
    overrides = [
        word if {'"', "["} & set(word) else word.split(",")[0] for word in words if not word.startswith("hydra")
    ]
    checked(*overrides)


def test_links_between_pages_lead_somewhere():
    texts = {page.resolve(): page.read_text(encoding="utf-8") for page in PAGES}
    places = {page: {*map(_slug, re.findall(r"^#+ (.+)$", text, re.M))} for page, text in texts.items()}
    links = [(page, link) for page, text in texts.items() for link in re.findall(r"\]\(([^)]+)\)", text)]
    inside = [(page, *link.partition("#")) for page, link in links if "://" not in link]
    assert len(inside) > len(PAGES)
    for page, file, _, place in inside:
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.relative_to(ROOT)}: {file}"
        if place and target in places:
            assert place in places[target], f"{page.relative_to(ROOT)}: {file}#{place}"


def _slug(heading: str) -> str:
    """Return the name that a heading has in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_page_on_configuration_lists_every_setting_and_no_other():
    listed = set(re.findall(r"`(\w+\.\w+)`", (ROOT / "docs/configuration.md").read_text(encoding="utf-8")))
    listed |= set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/configuration.md").read_text(encoding="utf-8"), re.M))
    known: set[str] = set()
    for name, parameter in settings(Config).items():
        section = parameter.annotation
        inner = settings(section) if hasattr(section, "__dataclass_fields__") else None
        known |= {name} if inner is None else {f"{name}.{key}" for key in inner if key != "options"}
    known |= {f"task.{key}" for task in TASKS.values() for key in settings(task) if key != "description"}
    known |= {f"model.{key}" for cell in CELLS.values() for key in settings(cell)}
    known = {re.sub(r"\.class_$", ".class", key) for key in known}
    chosen_by_group = {"task.name", "data.source", "model.cell"}
    assert known - chosen_by_group <= listed
    groups = {*GROUPS, *(choice for _, choice in CHOICES)}
    assert {key for key in listed if key.partition(".")[0] in GROUPS} - groups <= known


def test_the_page_on_configuration_lists_every_choice_of_every_group():
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for group, choices in GROUPS.items():
        row = re.search(rf"^\| `{group}` \| ([^|]*) \|", page, re.M)
        if row is not None:
            assert sorted(set(re.findall(r"`(\w+)`", row[1]))) == choices, group
    assert len(re.findall(r"^\| `\w+` \| [^|]*`\w+`[^|]* \| [^|]+ \|$", page, re.M)) >= len(GROUPS) - len(NO_GROUPS)


def test_the_pages_of_tasks_list_every_source_and_setting():
    pages = {name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in (*TASKS, "data")}
    everything = "".join(pages.values())
    for name, source in LOADERS.items():
        kinds = [task for task, cls in TASKS.items() if cls.accepts in source.kinds]
        assert all(f"| `{name}` |" in pages[task] for task in kinds), name
        for key in set(settings(source)) - {"mirror", "cache", "kind"}:
            assert f"`data.{key}`" in everything, f"{name}: {key}"


def test_data_of_an_unknown_name_is_refused():
    with pytest.raises(Exception, match="Did you mean 'reber'"):
        check_data(DataConfig(source="rebre"), "language_modeling", "tokens")


# The project


def test_the_extras_are_one_list():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = list(project["optional-dependencies"])
    for page in ("README.md", "CONTRIBUTING.md"):
        sentence = re.search(r"^Extras: ([^.;]*)", (ROOT / page).read_text(encoding="utf-8"), re.M)
        assert sentence is not None, page
        assert re.findall(r"`(\w+)`", sentence[1]) == extras, page
    core = " ".join([*project["dependencies"], *project["optional-dependencies"]["test"]])
    assert not re.search(r"\b(torch|keras|tensorflow)(?!-datasets)", core)


def test_the_licence_is_apache_2_in_full():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert len(text.splitlines()) > 195
    for part in ("Apache License", "Version 2.0, January 2004", "9. Accepting Warranty", "END OF TERMS AND CONDITIONS"):
        assert part in text


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_a_place_on_one_machine():
    places = "|".join(("root", "home", "work", "opt", "Users", "mnt"))
    pattern = re.compile(rf"(?<![\w.~}}/-])/({places})/|[\w-]*-index-url|--find-links|\bpy{'pi'}\b")
    for path in tracked():
        if path.suffix in (".npz", ".png"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not pattern.search(line) or path == Path(__file__), f"{path.relative_to(ROOT)}:{number}: {line}"


# Commands


def run(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["train", "evaluate", "predict", "export", "report", "bench", "sweep"])
def test_help_is_given_without_loading_jax(module: str, tmp_path: Path):
    program = (
        f"import runpy, sys; sys.argv = ['{module}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('gru_bench.{module}', run_name='__main__')\n"
        "finally:\n"
        "    loaded = {'jax', 'flax', 'wandb', 'tensorflow_datasets'} & set(sys.modules)\n"
        "    print('loaded:', *sorted(loaded))"
    )
    done = run(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert f"python -m gru_bench.{module}" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_train_lists_all_groups_and_choices(tmp_path: Path):
    done = run(sys.executable, "-m", "gru_bench.train", "--help", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    for group in {group for group, _ in CHOICES}:
        assert f"{group}: {', '.join(GROUPS[group])}" in done.stdout


def test_cfg_job_prints_all_settings_and_runs_nothing(tmp_path: Path):
    done = run(sys.executable, "-m", "gru_bench.train", "data=ptb", "--cfg", "job", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    shown: Any = OmegaConf.to_container(OmegaConf.create(done.stdout))
    assert Config.from_dict(shown) == checked("data=ptb")
    assert list(tmp_path.iterdir()) == []


# Installation


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what it depends on, no extras."""
    folder = tmp_path_factory.mktemp("bare")
    copy = checkout(folder / "source")
    done = run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run(*pip(folder), "wheel", "--no-deps", "--wheel-dir", "wheels", str(copy), cwd=folder)
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "wheels").glob("*.whl")
    done = run(*pip(folder), "install", str(wheel), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def checkout(target: Path) -> Path:
    for path in tracked():
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    return target


def pip(folder: Path) -> list[str]:
    return [str(folder / "venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]


def outside(folder: Path, line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line with the interpreter of the bare environment and nothing of this checkout."""
    path = f"{folder / 'venv/bin'}:{os.environ['PATH']}"
    cache = str(folder / "cache")
    return run("bash", "-c", line, cwd=cwd, PATH=path, PYTHONPATH="", WANDB_MODE="offline", XDG_CACHE_HOME=cache)


@pytest.mark.slow
@pytest.mark.timeout(2700)
def test_the_wheel_works_in_a_fresh_environment_outside_the_checkout(bare: Path, tmp_path: Path):
    (wheel,) = (bare / "wheels").glob("*.whl")
    done = run(*pip(bare), "install", "--force-reinstall", "--no-deps", str(wheel), cwd=bare)
    assert done.returncode == 0, done.stderr
    place = outside(bare, "python -c 'import gru_bench.classes as c; print(c.configs_folder())'", tmp_path)
    assert place.stdout.strip() == str(next((bare / "venv/lib").glob("python*/site-packages/gru_bench/configs")))
    assert "Groups (group=choice)" in outside(bare, f"{TRAIN} --help", tmp_path).stdout
    assert "hidden_size: 200" in outside(bare, f"{TRAIN} data=ptb --cfg job", tmp_path).stdout
    small = "data.train_size=5000 data.valid_size=1000 data.test_size=1000 training.updates=20 run_dir=run"
    done = outside(bare, f"{TRAIN} {small}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/record.json").is_file()
    for command in ("evaluate run=run", "predict run=run prompt=BT length=5", "report run csv=none"):
        done = outside(bare, f"python -m gru_bench.{command}", tmp_path)
        assert done.returncode == 0, done.stderr
    wrong = outside(bare, f"{TRAIN} model=gruu", tmp_path)
    assert wrong.returncode == 2
    assert "Did you mean 'gru'?" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.slow
@pytest.mark.timeout(2700)
def test_the_first_command_of_the_readme_trains_to_the_floor(bare: Path, tmp_path: Path):
    copy = checkout(tmp_path / "checkout")
    done = outside(bare, FIRST, copy)
    assert done.returncode == 0, done.stderr
    (run_dir,) = copy.glob("runs/language_modeling/reber/gru-*/seed0")
    assert str(run_dir.relative_to(copy)) in done.stdout
    program = "import sys; from pathlib import Path; from gru_bench.record import read_record; "
    program += "r = read_record(Path(sys.argv[1])); print(r.metrics['test']['nll'], r.baselines['floor']['nll'])"
    shown = outside(bare, f"python -c {shlex.quote(program)} {shlex.quote(str(run_dir))}", tmp_path)
    nll, floor = map(float, shown.stdout.split())
    assert 0.99 * floor < nll <= 1.02 * floor
