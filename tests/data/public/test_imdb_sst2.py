from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gru_bench.data.public import imdb, sst2
from gru_bench.data.public.imdb import read_archive
from gru_bench.data.texts.bag_of_words import bag_of_words
from gru_bench.errors import DataError


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


REVIEWS = {
    f"aclImdb/{split}/{label}/{number}_{rating}.txt": f"{split} {label} {number}<br />é".encode()
    for split in ("train", "test")
    for label, rating in (("neg", 2), ("pos", 9))
    for number in (10, 2)
}


@pytest.mark.parametrize("prefix", ["", "./"])
def test_reviews_of_an_archive(prefix):
    others = {
        "aclImdb/README": b"read me",
        "aclImdb/train/unsup/0_0.txt": b"?",
        "aclImdb/train/labeledBow.feat": b"0:1",
    }
    found = read_archive(archive({prefix + name: text for name, text in {**others, **REVIEWS}.items()}), count=2)
    assert found == {
        split: [
            (f"{split} {label} {number}<br />é", side)
            for side, label in enumerate(("neg", "pos"))
            for number in (10, 2)
        ]
        for split in ("train", "test")
    }


def test_the_order_of_members_does_not_matter():
    turned = dict(reversed(REVIEWS.items()))
    assert read_archive(archive(turned), count=2) == read_archive(archive(REVIEWS), count=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(REVIEWS), r"'aclImdb/train/neg': 2, .* expected 12,500 in each folder"),
        (archive(REVIEWS)[:100], "the archive cannot be read|in the archive, expected"),
        (b"no archive", "the archive cannot be read"),
        (archive({"aclImdb/train/pos/0_9.txt": b"\xff"}), "the archive cannot be read: .*utf-8"),
    ],
)
def test_bad_archives(content, message):
    with pytest.raises(DataError, match=message):
        read_archive(content)


def test_sst2(mirror: Path, tmp_path: Path):
    data = sst2.load(mirror=mirror, cache=tmp_path)
    assert data.facts["texts"] == {"train": 6920, "valid": 872, "test": 1821}
    assert data.facts["classes"]["test"] == {"negative": 912, "positive": 909}
    assert data.train.texts[1] == "apparently reassembled from the cutting room floor of any given daytime soap"
    assert data.train.labels[:3].tolist() == [1, 0, 0]
    assert sst2.load(mirror=mirror, cache=tmp_path).facts["digest"] == data.facts["digest"]
    assert (bag_of_words(data).argmax(axis=1) == data.test.labels).mean() == pytest.approx(0.818, abs=0.01)


@pytest.mark.slow
def test_imdb(mirror: Path, tmp_path: Path):
    data = imdb.load(mirror=mirror, cache=tmp_path)
    assert data.facts["texts"]["test"] == 25_000
    assert data.facts["texts"]["train"] + data.facts["texts"]["valid"] == 25_000
    assert abs(data.facts["texts"]["valid"] - 2500) < 20
    assert data.facts["classes"]["test"] == {"negative": 12_500, "positive": 12_500}
    assert data.vocabulary.size == 20_000
    assert not {"<br />", "br"} & set(data.vocabulary.symbols[:2000])
    assert not set(data.train.texts) & set(data.valid.texts)
    assert (bag_of_words(data).argmax(axis=1) == data.test.labels).mean() == pytest.approx(0.908, abs=0.01)
