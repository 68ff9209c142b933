"""One server that many tests ask; those that change it start their own."""

from collections.abc import Callable, Iterator

import pytest
from helpers import Project
from serving_helpers import Served, served


@pytest.fixture(scope="module")
def server(make_trained: Callable[[], Project]) -> Iterator[Served]:
    with served(make_trained()) as running:
        yield running
