"""Who looks at which answers, and what answers cost, as facts for scripts and tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from common.reports.html import DASH

if TYPE_CHECKING:  # a script pays only for the start of what it uses
    from common.evaluation.routing import Routing
    from common.training.cost import CostFigures


def routing_facts(routing: Routing) -> dict[str, object]:
    """`routing` of `train.py --json`."""
    low, high = routing.coverage_interval
    return {
        **routing.to_json(),
        "coverage": routing.coverage,
        "coverage_lower": low,
        "coverage_upper": high,
        "accuracy": routing.accuracy,
        "problems": routing.problems(),
    }


def cost_facts(costs: CostFigures) -> dict[str, object]:
    """`costs` of `train.py --json`: what 1,000 messages cost, and by which costs."""
    return {
        "rows": costs.rows,
        "model": costs.model,
        "to_person": costs.to_person,
        "all_automatic": costs.automatic,
        "all_to_people": costs.people,
        "champion": costs.champion,
        "given": [
            {"truth": truth, "answer": answer, "cost": cost}
            for (truth, answer), cost in costs.given.given.items()
        ],
    }


def costs_table(costs: CostFigures, style: str = "github") -> str:
    """What 1,000 messages cost, by who answers them."""
    figures = {
        "the model, as it answers now": costs.model,
        "the model, if nobody looks at an answer": costs.automatic,
        "people, if they look at all": costs.people,
        "the champion, by the same costs": costs.champion,
    }
    rows = [(who, DASH if cost is None else f"{cost:,.1f}") for who, cost in figures.items()]
    headers = ("answers of", "cost of 1,000 messages")
    return tabulate(rows, headers, style, disable_numparse=True)
