"""Scores of written texts against references: BLEU, chrF and exact match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

Tokeniser = Literal["13a", "intl", "zh", "char", "none"]
"""How sacrebleu splits texts before it compares them."""


def signatures(tokeniser: Tokeniser, lowercase: bool) -> dict[str, str]:
    """Return sacrebleu's signatures of BLEU and chrF, which name all that decides these scores."""
    bleu, chrf = _metrics(tokeniser, lowercase)
    for metric in (bleu, chrf):
        metric.corpus_score(["a"], [["a"]])  # a signature knows the number of references only afterwards
    return {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}


def text_scores(
    outputs: Sequence[str], references: Sequence[str], tokeniser: Tokeniser, lowercase: bool
) -> dict[str, float]:
    """Return BLEU and chrF of a corpus, both from 0 to 100, and the share of outputs that equal their reference.

    References: Papineni et al. 2002; Popović 2015; Post 2018, arXiv:1804.08771.
    """
    bleu, chrf = (metric.corpus_score(outputs, [references]).score for metric in _metrics(tokeniser, lowercase))
    right = sum(output == reference for output, reference in zip(outputs, references, strict=True))
    return {"bleu": float(bleu), "chrf": float(chrf), "exact": right / len(references)}


def _metrics(tokeniser: Tokeniser, lowercase: bool) -> tuple[Any, Any]:
    from sacrebleu.metrics.bleu import BLEU  # it takes a while to load
    from sacrebleu.metrics.chrf import CHRF

    return BLEU(tokenize=tokeniser, lowercase=lowercase, force=True), CHRF(lowercase=lowercase)
