"""What a newcomer may have meant: words of other libraries, files where a choice is expected, flags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from gru_bench.errors import nearest

_ELSEWHERE = {
    "optimizer.learning_rate": "learning_rate lr eta alpha step_size",
    "optimizer.rule": "optim opt",
    "optimizer.weight_decay": "wd l2",
    "optimizer.clip_norm": "clip grad_clip clipnorm max_grad_norm gradient_clip_val clipping",
    "optimizer.schedule": "scheduler lr_scheduler lr_schedule",
    "training.updates": "steps max_steps num_steps iterations iters num_iterations max_iter",
    "training.epochs": "epochs epoch n_epochs num_epochs max_epochs nb_epoch",
    "training.batch_size": "batch_size batch bs batchsize",
    "training.bptt_window": "bptt seq_len seq_length sequence_length window",
    "training.patience": "early_stopping early_stop",
    "training.precision": "dtype fp16 bf16 amp mixed_precision",
    "model": "cell arch architecture rnn_type network_type net",
    "model.hidden_size": "hidden_size hidden hidden_dim hidden_units hid n_hidden nhid units num_units size rnn_size",
    "model.layers": "layers num_layers n_layers nlayers depth",
    "model.embedding_size": "emb embedding embedding_dim emb_size emsize embed_dim",
    "model.output_dropout": "dropout drop p_dropout keep_prob",
    "model.initial_weights": "pretrained pretrained_weights init_weights load_weights state_dict",
    "model.bidirectional": "bi bidir",
    "data": "dataset corpus",
    "data.path": "path file filename input csv csv_path data_path file_path train_file",
    "data.horizon": "forecast_horizon pred_len prediction_length output_chunk_length",
    "data.context": "lookback look_back input_chunk_length context_length",
    "paths.mirror": "data_dir root",
    "paths.runs": "output out output_dir out_dir save_dir log_dir logdir save_path",
    "tracker": "wandb logger use_wandb log",
    "hydra/launcher": "launcher launchers",
    "seed": "random_seed random_state rng manual_seed",
    "fresh": "overwrite force restart reset",
}
_WORDS = {word: key for key, words in _ELSEWHERE.items() for word in words.split()}
_DEVICES = {"device", "devices", "gpu", "gpus", "cuda", "tpu", "cpu", "accelerator", "use_gpu", "use_cuda", "no_cuda"}
_ON_DEVICES = "JAX takes a GPU where it finds one (pip install 'gru_bench[gpu]'); JAX_PLATFORMS=cpu forbids it."
_TABLES = (".csv", ".tsv", ".tab", ".gz", ".zip", ".xlsx", ".parquet")
_SEQUENCES = (".ts", ".npz", ".wav")
_OWN = {
    "sentiment": "text_csv",
    "time_series": "series_csv",
    "anomaly": "anomaly_csv",
    "classification": "sequences_file",
}
_FILE = re.compile(r".*[/\\].*|.*\.\w{2,7}")


def for_key(key: str, value: str, known: Iterable[str], task: str) -> str:
    """Return which setting may be meant by an unknown key, or how a device is chosen, or an empty string.

    Args:
        key: as it was typed.
        value: the same.
        known: all settings and groups.
        task: of the command line, or an empty string.
    """
    known = list(known)
    leaf = key.rpartition(".")[2].replace("-", "_").lower()
    if leaf in _DEVICES:
        return _ON_DEVICES
    own = [name for name in known if name.rpartition(".")[2] == leaf]
    meant = own[0] if len(own) == 1 else _WORDS.get(leaf, "")
    if meant in known:
        return f"Did you mean '{meant}'?"
    return f"For a file of your own: {_own_file(value, task)}" if meant == "data.path" else ""


def for_choice(group: str, name: str, choices: Iterable[str], task: str) -> str:
    """Return what may be meant by a choice that a group does not have.

    Args:
        group: such as `model`.
        name: as it was typed.
        choices: of the group.
        task: of the command line, or an empty string.
    """
    if group == "data" and _FILE.fullmatch(name):
        return f"For a file of your own: {_own_file(name, task)}"
    return nearest(name, choices)


def for_flag(flag: str, words: Mapping[str, str] = _WORDS) -> str:
    """Return the `key=value` that may be meant by a flag, such as `seed=3` for `--seed=3`.

    Args:
        flag: as it was typed.
        words: settings by the words that may stand for them.
    """
    if flag in ("-m", "--multirun"):
        return "-m is a flag of python -m gru_bench.train."
    word, _, value = flag.lstrip("-").partition("=")
    word = word.replace("-", "_") or "key"
    if word in _DEVICES:
        return _ON_DEVICES
    return f"Settings are written key=value, without dashes: {words.get(word, word)}={value or '...'}"


def _own_file(name: str, task: str) -> str:
    suffix = Path(name).suffix.lower()
    if task in _OWN:
        return f"task={task} data={_OWN[task]} data.path={name}"
    if suffix in _SEQUENCES:
        return f"task=classification data=sequences_file data.path={name}"
    if task == "" and suffix in _TABLES:
        return f"task=time_series data=series_csv data.path={name}, or task=sentiment data=text_csv data.path={name}"
    return f"data=text_file data.path={name}"
