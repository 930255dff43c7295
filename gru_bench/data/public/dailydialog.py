"""DailyDialog: English conversations about daily life, written by people for learners."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from gru_bench.data.dialogues.dialogues import Dialogue, Dialogues, Turns, WindowSize, all_exchanges, make_dialogues
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.source import gives
from gru_bench.data.tokens.text_file import Size
from gru_bench.validation import Positive

SIZES = {
    "train": (2_059_812, "6191257f8250da0e045bfd1d017645e15b2358df975ec4c5c431a5a1f99662a4"),
    "validation": (191_273, "f068cf7526a56ab5f26e99b74ce9edbc2766f7b060a3c6cef035920b0dd28153"),
    "test": (188_867, "5f9526a5ce4b8af4ca237aa3ff38cbf03becbc596c70b0974d7f5f9af2ea0615"),
}
FILES = {
    name: RemoteFile(path=f"dailydialog/{name}.zip", url="", size=size, sha256=(digest,))
    for name, (size, digest) in SIZES.items()
}
COUNTS = {"train": 11_118, "validation": 1_000, "test": 1_000}
END_OF_TURN = "__eou__"


@gives("dialogues")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    turns: WindowSize = 3,
    turn_length: Positive = 40,
    lowercase: bool = True,
    min_count: Positive = 3,
    max_vocabulary: Size | None = None,
) -> Dialogues:
    """Load the dialogues in the official splits, 11,118 / 1,000 / 1,000; every turn but the first is a reply.

    Replies of validation and test that stand in train after the same turn are left out, whatever `turns` is: whole
    dialogues are in both, and generic exchanges. The facts of the run count them. The terms of the data are CC BY-NC-SA
    4.0: not for commercial use.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        turns: number of turns before a reply that are read.
        turn_length: most words of a turn that are read; replies are never cut.
        lowercase: whether texts are read, written and scored in lower case.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included; null: all.

    Raises:
        DataError: a file is missing or damaged.

    References: Li et al. 2017, arXiv:1710.03957.
    """
    dialogues = {name: _read(name, content) for name, content in fetch(FILES, mirror, cache).items()}
    assert {name: len(part) for name, part in dialogues.items()} == COUNTS
    train = dialogues["train"]
    known, whole = set(_keys(train)), {_key(dialogue) for dialogue in train}
    exchanges = {"train": all_exchanges(train, turns)}
    left_out: dict[str, dict[str, int]] = {}
    for split, name in {"valid": "validation", "test": "test"}.items():
        contexts, replies = all_exchanges(dialogues[name], turns)
        new = [place for place, key in enumerate(_keys(dialogues[name])) if key not in known]
        exchanges[split] = [contexts[place] for place in new], [replies[place] for place in new]
        left_out[split] = {
            "replies": len(replies) - len(new),
            "of": len(replies),
            "dialogues in train": sum(_key(dialogue) in whole for dialogue in dialogues[name]),
        }
    repeated = len(train) - len(whole)
    return make_dialogues(
        "dailydialog",
        exchanges,
        turns=turns,
        turn_length=turn_length,
        lowercase=lowercase,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        facts={
            "source_sha256": {file.path: file.sha256[0] for file in FILES.values()},
            "left_out": left_out,
            "repeated_in_train": repeated,
        },
    )


def _read(name: str, content: bytes) -> list[Turns]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(f"{name}/dialogues_{name}.txt").decode("utf-8")
    return [tuple(map(str.strip, line.split(END_OF_TURN)[:-1])) for line in text.splitlines() if line.strip()]


def _key(turns: Sequence[str]) -> str:
    return "\n".join(turns).lower()


def _keys(dialogues: Sequence[Dialogue]) -> list[str]:
    """Return each reply with the turn before it, in the order of `all_exchanges`."""
    return [_key(turns[place - 1 : place + 1]) for turns in dialogues for place in range(1, len(turns))]
