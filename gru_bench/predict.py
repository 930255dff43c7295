"""`python -m gru_bench.predict run=DIR prompt=...`: let a trained language model go on with a text."""

from __future__ import annotations

import sys
from pathlib import Path

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.validation import Natural, NonNegativeFloat, Positive

EXAMPLES = (
    'python -m gru_bench.predict run=runs/language_modeling/tiny_shakespeare/gru-1a2b3c4d/seed0 prompt="ROMEO: "',
    "cat start.txt | python -m gru_bench.predict run=DIR prompt=- length=500 temperature=0.7 top_k=20",
)


def predict(
    *,
    run: Path,
    prompt: str = "",
    length: Positive = 200,
    temperature: NonNegativeFloat = 0.8,
    top_k: Positive | None = None,
    seed: Natural = 0,
) -> None:
    """Go on with a text, symbol by symbol, with the best weights of a run; its training data is not needed.

    Args:
        run: a run directory
        prompt: the text to go on with, taken literally; - reads standard input; empty starts anew
        length: how many symbols (words, characters or bytes) to write
        temperature: below 1 bolder, above 1 wilder; 0 always takes the most probable symbol
        top_k: draw from the k most probable symbols only
        seed: another seed, another text

    Raises:
        UserError: there is no such run, it has no weights yet, or it is no language model.
        DataError: the prompt holds a symbol that the run's vocabulary lacks.
    """
    from gru_bench.tasks.language_modeling import LanguageModeling
    from gru_bench.training.saved import load_run

    saved = load_run(run)
    task = saved.task
    if not isinstance(task, LanguageModeling):
        raise UserError(f"{run} is a run of task={saved.record.task}, expected one of task=language_modeling.")
    text = task.continue_text(saved.network, prompt, length=length, temperature=temperature, top_k=top_k, seed=seed)
    separator = " " if task.vocabulary.level == "word" and prompt else ""
    print(prompt + separator + text)


if __name__ == "__main__":
    sys.exit(run_command(predict, examples=EXAMPLES))
