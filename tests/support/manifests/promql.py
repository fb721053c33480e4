"""PromQL against what the services expose: names, labels, and values where these are a known set."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

import promql_parser as pql

from careline import exposed, roster
from careline_router.domain.words import AGENT_STATES
from careline_router.ports import CrmReason, CrmStatus

OF_PROMETHEUS = frozenset({"job", "instance", "namespace", "pod", "container"})
"""Labels that scraping adds to every series."""
JOBS = tuple(f"careline-{name}" for name in roster.NAMES)
VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("careline_router_agents", "state"): AGENT_STATES,
    ("careline_router_crm_lookups_total", "status"): get_args(CrmStatus),
    ("careline_router_crm_lookups_total", "reason"): get_args(CrmReason),
    ("careline_outbox_relaying", "service"): roster.NAMES,
    **{(f"careline_{name}_http_requests_total", "status"): ("500",) for name in roster.NAMES},
}
"""What a label can be, for every label that an expression compares with something."""


@cache
def series() -> Mapping[str, frozenset[str]]:
    """Every series by name, with its labels."""
    found: dict[str, frozenset[str]] = {"up": OF_PROMETHEUS}
    for service in roster.NAMES:
        for metric in exposed.metrics(service):
            for name in metric.samples:
                bucket = {"le"} if name.endswith("_bucket") else set()
                found[name] = OF_PROMETHEUS | set(metric.labels) | bucket
    return found


def faults(expr: str, *, shown: str = "") -> list[str]:
    """What is wrong with an expression, and with the labels that a text shows of its outcome."""
    try:
        tree = pql.parse(expr)
    except ValueError as error:
        return [f"{expr}: {error}"]
    found = [f"{expr}: {fault}" for fault in _of(tree)]
    if not found:
        missing = labels_in(shown) - _outcome(tree)
        found += [f"{expr}: its outcome has no label {label}" for label in sorted(missing)]
    return found


def labels_in(text: str) -> set[str]:
    """Labels that an annotation (`{{ $labels.x }}`) or a legend (`{{x}}`) shows."""
    return set(re.findall(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}", text))


def _of(node: Any) -> Iterator[str]:
    match node:
        case pql.VectorSelector():
            yield from _selector(node)
        case pql.MatrixSelector():
            yield from _selector(node.vector_selector)
        case pql.AggregateExpr():
            yield from _of(node.expr)
            inside = set().union(*(_labels(each) for each in _selectors(node.expr)))
            for label in node.modifier.labels if node.modifier else ():
                if label not in inside:
                    yield f"no label {label} to group by"
        case _:
            for child in _children(node):
                yield from _of(child)


def _children(node: Any) -> tuple[Any, ...]:
    match node:
        case pql.BinaryExpr():
            return node.lhs, node.rhs
        case pql.Call():
            return tuple(node.args)
        case pql.ParenExpr() | pql.UnaryExpr() | pql.SubqueryExpr() | pql.AggregateExpr():
            return (node.expr,)
        case pql.MatrixSelector():
            return (node.vector_selector,)
        case pql.NumberLiteral() | pql.StringLiteral() | pql.VectorSelector():
            return ()
    raise AssertionError(f"teach the check {type(node).__name__}")


def _selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, pql.VectorSelector):
        yield node
    for child in _children(node):
        yield from _selectors(child)


def _names(selector: Any) -> list[str]:
    if selector.name is not None:
        return [selector.name] if selector.name in series() else []
    (by_name,) = (m for m in selector.matchers.matchers if m.name == "__name__")
    return [name for name in series() if re.fullmatch(by_name.value, name)]


def _labels(selector: Any) -> set[str]:
    return set().union(*(series()[name] for name in _names(selector)))


def _selector(selector: Any) -> Iterator[str]:
    names = _names(selector)
    if not names:
        yield f"no service exposes {selector}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__":
            continue
        if any(matcher.name not in series()[name] for name in names):
            yield f"{names[0]} has no label {matcher.name}"
            continue
        for name in names:
            yield from _value(name, matcher)


def _value(name: str, matcher: Any) -> Iterator[str]:
    known = JOBS if matcher.name == "job" else VALUES.get((name, matcher.name))
    if known is None:
        yield f"write down in VALUES what {matcher.name} of {name} can be"
        return
    if matcher.op in (pql.MatchOp.Equal, pql.MatchOp.NotEqual):
        wanted = [re.escape(matcher.value)]
    else:
        wanted = _alternatives(matcher.value)
    for each in wanted:
        if not any(re.fullmatch(each, value) for value in known):
            yield f"{matcher.name} of {name} is never {each}"


def _alternatives(pattern: str) -> list[str]:
    """`a|b` and `x-(a|b)` one by one, so that each of them has to exist."""
    head, bracket, rest = pattern.partition("(")
    if not bracket:
        return pattern.split("|")
    inner, _, tail = rest.partition(")")
    return [head + each + tail for each in inner.split("|")]


def _outcome(node: Any) -> set[str]:
    """The labels of an expression's outcome."""
    match node:
        case pql.AggregateExpr():
            return set(node.modifier.labels) if node.modifier else set()
        case pql.Call() if node.func.name == "absent":
            return {m.name for s in _selectors(node) for m in s.matchers.matchers}
        case pql.Call() if node.func.name == "histogram_quantile":
            return _outcome(node.args[1]) - {"le"}
        case pql.VectorSelector():
            return _labels(node)
    return set().union(*(_outcome(child) for child in _children(node)))
