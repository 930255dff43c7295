"""The form of small pictures."""

from __future__ import annotations

from typing import Any

FORM: dict[str, Any] = {
    "problem": "pixels",
    "classes": ["0", "1", "2"],
    "side": 4,
    "downsample": 1,
    "permutation_seed": None,
}
