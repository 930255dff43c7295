"""What the tests of the page share."""

from __future__ import annotations

import pytest

from tests.reporting.pages import page_of, write_everything


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with everything."""
    folder = tmp_path_factory.mktemp("everything")
    write_everything(folder)
    return page_of(folder)
