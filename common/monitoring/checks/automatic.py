"""Answers that nobody looks at: are as many right as promised, and are there as many as usual?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from scipy import stats

from common.evaluation.paired import holm
from common.evaluation.routing import AutoCounts, Routing
from common.evaluation.two_samples import MIN_ROWS, Share
from common.monitoring.checks.finding import Finding, Status, warn_if
from common.monitoring.checks.usual import Figure, PastFigures, Prior, usual
from common.text import p_value

# Windows that are looked at together: the newest, and with those before it.
POOLS = (1, 3, 5)
# Largest p-value of a broken promise, for each pool. On 2,400 simulated days of 50 to 400 labelled
# answers it alarms on 1.0 % where exactly as many are right as promised (.9 or .95), on .1 % where
# one in a hundred more is, on 98 % where eight fewer are.
P_BROKEN = 0.005
# Smallest change of the share that matters, and how much it moved from day to day on the streams of
# one brand and of airlines, without what the number of rows adds.
SHARE_MARGIN, SHARE_SPREAD = 0.05, 0.03


def accuracy(
    window: Mapping[str, AutoCounts], routing: Routing, before: Sequence[Mapping[str, AutoCounts]]
) -> Finding:
    """CRITICAL if fewer automatic answers are right than promised, beyond chance.

    Args:
        window: counts of the newest window, by predicted class.
        before: those of the windows before that were routed in the same way, oldest first.

    The exact binomial test asks the window alone and together with the two and the four before it;
    these must be below the promise in the newest as well. Promises share the error (Holm 1979).
    `value` is the accuracy of the group that is furthest below its promise, of those with enough
    labels, with its exact 95 % interval (Clopper & Pearson 1934).
    """
    groups = {name: g.promise for name, g in routing.groups.items() if g.promise < 1}
    past = [_by_group(each, routing) for each in before]
    now_of = _by_group(window, routing)
    known = {name: now_of[name] for name in groups if name in now_of and now_of[name].labelled}
    if not known:
        return Finding(
            "auto_accuracy",
            Status.UNKNOWN,
            "no automatic answer has a label",
            limit=min(groups.values()),
        )
    p_values = {
        name: _p_broken(name, now, groups[name], [*past, now_of]) for name, now in known.items()
    }
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    broken = [name for name in known if adjusted[name] <= P_BROKEN]
    # Groups with few labels say nothing yet: what is known of the others counts.
    judged_by = broken or [name for name in known if known[name].labelled >= MIN_ROWS] or known
    worst = min(
        judged_by, key=lambda name: (adjusted[name], known[name].correct / known[name].labelled)
    )
    counts, promise, p = known[worst], groups[worst], adjusted[worst]
    rows = counts.labelled
    value = counts.correct / rows
    interval = stats.binomtest(counts.correct, rows).proportion_ci(method="exact")
    whose = f" that say {worst}" if worst else ""
    told = (
        f"accuracy {value:.4f} (95 % interval {interval.low:.4f} to {interval.high:.4f}) of "
        f"{rows:,} automatic answers{whose}"
    )
    if p <= P_BROKEN:
        status, judged = Status.CRITICAL, f"breaks the promise of {promise:g} beyond chance"
    elif rows < MIN_ROWS:
        status, judged = Status.UNKNOWN, f"is too few rows to judge, at least {MIN_ROWS} are needed"
    else:
        status, judged = Status.OK, f"keeps the promise of {promise:g}, as far as chance goes"
    return Finding(
        "auto_accuracy",
        status,
        f"{told} {judged}, {p_value(p)}",
        value=value,
        lower=float(interval.low),
        upper=float(interval.high),
        limit=promise,
        rows=rows,
        detail={
            "p": p,
            "class": worst,
            "broken": broken,
            "classes": _classes_to_blame([*before, window][-POOLS[1] :], groups, routing),
            "groups": {
                name: {
                    "promise": groups[name],
                    "labelled": each.labelled,
                    "correct": each.correct,
                    "p": adjusted[name],
                }
                for name, each in known.items()
            },
        },
    )


def share(window: Mapping[str, AutoCounts], routing: Routing, past: PastFigures) -> Finding:
    """WARNING if more or fewer answers are automatic than is usual.

    Args:
        past: the shares of the windows before.
    """
    rows = sum(counts.rows for counts in window.values())
    automatic = Share(sum(counts.automatic for counts in window.values()), max(rows, 1))
    if rows < MIN_ROWS:
        reason = f"too few rows to judge: {rows:,}, at least {MIN_ROWS} are needed"
        return Finding("auto_share", Status.UNKNOWN, reason, rows=rows)
    figure = Figure(automatic.value, automatic.error)
    prior = Prior(routing.coverage, SHARE_SPREAD)
    up = usual(figure, past, prior)
    down = usual(figure.mirrored, past.mirrored, Prior(-prior.centre, prior.spread))
    most = max(up.limit, up.centre + SHARE_MARGIN)
    least = min(-down.limit, up.centre - SHARE_MARGIN)
    lasts = (up.lasts or down.lasts) and abs(figure.value - up.centre) >= SHARE_MARGIN
    status = warn_if(lasts or not least <= figure.value <= most)
    judged = "more or fewer than usual" if status else "about as many as usual"
    reason = (
        f"{automatic.value:.1%} of {rows:,} answers are automatic, {judged} ({least:.1%} to "
        f"{most:.1%}; when the thresholds were chosen {routing.coverage:.1%})"
    )
    return Finding(
        "auto_share",
        status,
        reason,
        value=automatic.value,
        lower=least,
        upper=most,
        figure=figure,
        rows=rows,
        detail={"reference": routing.coverage, "lasts": lasts},
    )


def _by_group(window: Mapping[str, AutoCounts], routing: Routing) -> dict[str, AutoCounts]:
    found: dict[str, AutoCounts] = {}
    for name, counts in window.items():
        group = routing.group_of(name)
        found[group] = found.get(group, AutoCounts()).plus(counts)
    return found


def _classes_to_blame(
    windows: Sequence[Mapping[str, AutoCounts]], groups: Mapping[str, float], routing: Routing
) -> list[str]:
    """The predicted classes whose automatic answers break the promise by themselves, the clearest
    first."""
    together: dict[str, AutoCounts] = {}
    for window in windows:
        for name, counts in window.items():
            together[name] = together.get(name, AutoCounts()).plus(counts)
    asked = [
        (name, counts, groups[routing.group_of(name)])
        for name, counts in together.items()
        if counts.labelled and routing.group_of(name) in groups
    ]
    adjusted = holm([_p(counts, promise) for _, counts, promise in asked])
    blamed = [(p, name) for p, (name, _, _) in zip(adjusted, asked, strict=True) if p <= P_BROKEN]
    return [name for _, name in sorted(blamed)]


def _p_broken(
    name: str, now: AutoCounts, promise: float, windows: Sequence[Mapping[str, AutoCounts]]
) -> float:
    """The smallest p-value of the pools that may decide."""
    found = [_p(now, promise)]
    if now.correct < promise * now.labelled:
        of_group = [w[name] for w in windows if name in w and w[name].labelled]
        pools = [of_group[-size:] for size in POOLS[1:] if len(of_group) >= size]
        found += [_p(reduce(AutoCounts.plus, pool), promise) for pool in pools]
    return min(found)


def _p(counts: AutoCounts, promise: float) -> float:
    """The chance of so few right answers if the promise is just kept."""
    return float(stats.binom.cdf(counts.correct, counts.labelled, promise))
