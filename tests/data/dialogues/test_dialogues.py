from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gru_bench.data.dialogues.baselines import Trigram, retrieval, trigram_nll, true_first
from gru_bench.data.dialogues.dialogues import DialogueForm, Dialogues, all_exchanges, make_dialogues
from gru_bench.data.dialogues.scores import choices, distinct
from gru_bench.data.pairs.codec import Codec
from gru_bench.errors import DataError

DIALOGUES = [("Hello there !", "hi", "how are you ?", "fine"), ("hi", "hello , Anna"), ("bye", "bye", "bye")]


def make(turns: int = 2, turn_length: int = 3, **options: Any) -> Dialogues:
    splits = {"train": DIALOGUES, "valid": DIALOGUES[1:], "test": DIALOGUES[:2]}
    exchanges = {split: all_exchanges(dialogues, turns) for split, dialogues in splits.items()}
    return make_dialogues("mine", exchanges, turns=turns, turn_length=turn_length, lowercase=True, **options)


def test_every_turn_but_the_first_is_a_reply_to_the_last_turns():
    data = make()
    assert data.test.replies == ("hi", "how are you ?", "fine", "hello , anna")
    assert data.test.contexts[2] == ("hi", "how are you ?")
    assert data.facts["replies"] == {"train": 6, "valid": 3, "test": 4}
    assert data.facts["symbols"]["test"] == 1 + 4 + 1 + 3 + 4


def test_turns_are_cut_and_end():
    data = make()
    decode = data.form.codec.decode
    assert [decode(ids) for ids in data.test.context_ids[2]] == ["hi", "how are you"]
    assert decode(data.test.reply_ids[1]) == "how are you ?"
    joined, stacked = data.test.joined_contexts[2], data.test.stacked_contexts(5)[2]
    assert joined.tolist() == [*data.test.context_ids[2][0], *data.test.context_ids[2][1]]
    assert (joined == Codec.end).nonzero()[0].tolist() == [1, 5]
    assert stacked.shape == (2, 5)
    assert stacked[0, 1:].tolist() == [Codec.end] * 4


def test_a_form_survives_json_and_cuts_long_histories():
    form = DialogueForm.from_dict(json.loads(json.dumps(make().describe())))
    assert form == make().form
    assert form.encode([("a", "b", "c")], [""]).contexts == (("b", "c"),)


def test_a_split_without_replies_is_an_error():
    with pytest.raises(DataError, match="test"):
        make_dialogues(
            "mine", {"train": ([("a",)], ["b"]), "valid": ([("a",)], ["b"]), "test": ([], [])}, turns=1, turn_length=9
        )


def test_the_trigram_model_is_a_distribution_and_equals_a_hand_made_case():
    texts = [np.array(ids, np.int32) for ids in ([2, 3, 2, 3], [2, 4], [3])]
    model = Trigram(texts, 6)
    for history in ((0, 0), (2, 3), (4, 0), (5, 1)):
        assert sum(model.probability((*history, symbol)) for symbol in range(6)) == pytest.approx(1)
    # after 2 3 once 2 and once the end; before 2, 3 and the end stand the bigrams of the texts
    symbols = [[0, 0, *text, 0] for text in texts]
    grams = {gram for row in symbols for gram in zip(row, row[1:], row[2:], strict=False)}
    pairs = {pair for _, *rest in grams for pair in [tuple(rest)]}
    unigram = (sum(b == 2 for _, b in pairs) - 0.75) / len(pairs)
    unigram += 0.75 * len({b for _, b in pairs}) / len(pairs) / 6
    after = [gram for gram in grams if gram[1] == 3]
    bigram = (sum(gram[2] == 2 for gram in after) - 0.75) / len(after)
    bigram += 0.75 * len({gram[2] for gram in after}) / len(after) * unigram
    assert model.probability((2, 3, 2)) == pytest.approx((1 - 0.75) / 2 + 0.75 * 2 / 2 * bigram)
    assert model.nll([texts[2]]) == pytest.approx(
        -np.mean([np.log(model.probability(gram)) for gram in ((0, 0, 3), (0, 3, 0))])
    )


def test_choices_are_different_replies_with_the_true_one_first():
    replies = [str(number % 15) for number in range(40)]
    places = np.arange(0, 40, 2)
    candidates = choices(replies, places)
    assert candidates.shape == (20, 10)
    assert (candidates[:, 0] == places).all()
    assert all(len({replies[place] for place in row}) == 10 for row in candidates)
    assert (choices(replies, places) == candidates).all()
    assert choices(["a", "b", "a"], np.arange(3)).shape == (3, 2)
    assert choices(["a", "a"], np.arange(2)).shape == (2, 1)


def test_the_first_of_equal_scores_counts_in_part():
    assert true_first(np.array([[2.0, 1, 0], [1, 1, 0], [0, 1, 2], [3, 3, 3]])) == pytest.approx(
        (1 + 1 / 2 + 1 / 3) / 4
    )


def test_variety():
    texts = [[1, 2, 1, 2], [1, 2], [3], []]
    grams = [pair for text in texts for pair in pairwise(text)]
    assert distinct(texts, 1) == 3 / 7
    assert distinct(texts, 2) == len(set(grams)) / len(grams) == 2 / 4
    assert distinct([[1]], 2) == 0


def test_baselines():
    data = make(turns=1)
    assert trigram_nll(data) > 0
    metrics = retrieval(data, np.arange(4))
    assert metrics["exact"] == 3 / 4  # the contexts of test are those of train, but one has two replies
    assert 0 <= metrics["recall_at_1"] <= 1


def test_contexts_of_frequent_words_alone_are_compared_as_well():
    part = [("hi you",)] * 20, ["hi", "you"] * 10
    data = make_dialogues("mine", dict.fromkeys(("train", "valid", "test"), part), turns=1, turn_length=3)
    assert retrieval(data, np.arange(4))["exact"] == 1 / 2


def test_a_share_of_train():
    part = make().with_train_fraction(0.5, 0)
    assert len(part.train) == part.facts["replies"]["train"] == 3
    assert part.form == make().form
    assert part.facts["digest"] != make().facts["digest"]
