"""The champion behind an API and a page: one process, one scoring thread, hot swap."""
