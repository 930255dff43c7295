"""Dialogues in which somebody is named, talk of other things follows, and the name is asked for at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.dialogues.dialogues import Dialogues, Turns, make_dialogues
from gru_bench.data.random import word_rows
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

WHO = ("name", "sister", "brother", "boss", "dog", "teacher", "neighbour", "friend")
NAMES = tuple(
    "anna ben carla david emma felix gina hugo ida jonas karin leo mia noah olga paul rosa simon tina victor wanda "
    "xaver yara zoe".split()
)
TALK = {
    "it rains today .": "take an umbrella .",
    "i am hungry .": "there is soup .",
    "the train was late .": "it often is .",
    "i have a new bicycle .": "what colour is it ?",
    "we won the game .": "well done .",
    "my coffee is cold .": "make a new one .",
    "i slept badly .": "go to bed early .",
    "the shop is closed .": "try tomorrow .",
}


@gives("dialogues")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    turns: Annotated[int, Range(low=5, high=99)] = 9,
    train_size: Size = 8000,
    valid_size: Size = 500,
    test_size: Size = 1000,
    seed: Natural = 0,
) -> Dialogues:
    """Generate dialogues of an even number of turns, the last of which recalls one of the names that were said.

    One speaker makes statements and asks at the end; the other answers each of them, as the statement alone decides.
    The first two statements name two of eight (oneself, a sister, a dog, ...); each further one names another, with
    probability 1/2, or is small talk. The question asks for one of all that were named. The replies of validation and
    test are the last answers; train has another answer of each dialogue beside its last one.

    Both the right answer and its form follow from the dialogue: the optimum is a perplexity of 1. A predictor that sees
    the words of the dialogue without their order does not know which name belongs to whom.

    Args:
        mirror: unused.
        cache: unused.
        turns: the most turns before the last answer; all of them are read. Odd; the fewest are 5.
        train_size: training dialogues.
        valid_size: validation dialogues.
        test_size: test dialogues.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        ConfigError: the number of turns is even.
    """
    if turns % 2 == 0:
        raise ConfigError("data.turns", turns, f"an odd number, such as {turns + 1}: the first speaker asks as well")
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    exchanges: dict[str, tuple[list[Turns], list[str]]] = {}
    named: list[int] = []
    for place, (split, size) in enumerate(sizes.items(), 1):
        dice = word_rows((seed, place), size, 3 + len(WHO) + len(NAMES) + turns)
        dialogues, named = map(list, zip(*(_dialogue(row, turns) for row in dice), strict=True))
        pairs = [(dialogue[:-1], dialogue[-1]) for dialogue in dialogues]
        if split == "train":
            places = [
                1 + 2 * int(row[2] % np.uint64(len(dialogue) // 2 - 1))
                for row, dialogue in zip(dice, dialogues, strict=True)
            ]
            pairs += [(dialogue[:place], dialogue[place]) for place, dialogue in zip(places, dialogues, strict=True)]
        exchanges[split] = [context for context, _ in pairs], [reply for _, reply in pairs]
    chance = float(np.mean(1 / np.array(named)))
    return make_dialogues(
        "distraction",
        exchanges,
        turns=turns,
        turn_length=20,
        facts={"data_seed": seed},
        bounds={"optimum": {"exact": 1.0, "perplexity": 1.0}, "bag of words, at best": {"exact": chance}},
    )


def _dialogue(words: NDArray[np.uint64], turns: int) -> tuple[Turns, int]:
    """Return the turns of a dialogue, the question and its answer last, and the number of those that were named."""
    (length, asked, _), who, names, dice = np.split(words, np.cumsum([3, len(WHO), len(NAMES)]))
    known = list(
        zip([WHO[place] for place in np.argsort(who)], [NAMES[place] for place in np.argsort(names)], strict=False)
    )
    spoken: list[str] = []
    named = 0
    for number in range(2 + int(length % np.uint64((turns - 3) // 2))):
        talk, topic = divmod(int(dice[number]), len(TALK))
        if named == len(known) or (number >= 2 and talk % 2):
            spoken += list(TALK.items())[topic]
        else:
            spoken += _introduction(*known[named])
            named += 1
    return (*spoken, *_recall(*known[int(asked % np.uint64(named))])), named


def _introduction(who: str, name: str) -> tuple[str, str]:
    if who == "name":
        return f"i am called {name} .", f"hello {name} ."
    return f"my {who} is called {name} .", f"say hello to {name} ."


def _recall(who: str, name: str) -> tuple[str, str]:
    if who == "name":
        return "what is my name ?", f"you are called {name} ."
    return f"what is the name of my {who} ?", f"your {who} is called {name} ."
