"""Our own API, which the page uses; one file for each of its subjects."""
