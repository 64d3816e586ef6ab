"""Branches: which values they start from, and what arrives at the layer that they end at.

In: the branches of a use and the flow that enters. Out: `Branch` values for the builder and the
flow that leaves each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...ir.diagnostic import Label
from ..layers.spec import Role
from .arguments import Arguments
from .model import Branch, LayerCall
from .reporter import Reporter
from .site import Flow, shape_text
from .uses import BranchUse, Use, all_uses

RunChain = Callable[[Sequence[Use], Flow], tuple[tuple[LayerCall, ...], Flow]]


@dataclass(frozen=True, slots=True)
class Ended:
    """Branches that have been run: their layers, and the flows that leave them. A flow's type is
    None where an error has made it unknown; its branch is then left out of `branches`."""

    branches: tuple[Branch, ...]
    flows: tuple[Flow, ...]

    @property
    def known(self) -> bool:
        return len(self.branches) == len(self.flows)


def run_branches(branches: Sequence[BranchUse], flow: Flow, run: RunChain) -> Ended:
    """Runs each branch on the flow, or on the input that it starts from."""
    ended: list[Branch] = []
    flows: list[Flow] = []
    for index, branch in enumerate(branches):
        entering = replace(flow, origin=branch.span, origin_name=f"`{branch.name}`", trail=())
        if branch.input is not None:
            own = branch.input
            entering = Flow(own.type, own.span, f"`{own.name}`", stream=branch.stream)
        memory = None
        if index and _wants_memory(branch, branches[index - 1]):
            memory = index - 1
            entering = replace(entering, memory=flows[memory])
        calls, leaving = run(branch.uses, entering)
        flows.append(leaving)
        if leaving.type is not None:
            name = branch.input.name if branch.input is not None else None
            ended.append(Branch(branch.name, calls, leaving.type, name, memory))
    return Ended(tuple(ended), tuple(flows))


def merged(use: Use, arguments: Arguments, flow: Flow, flows: Sequence[Flow]) -> Flow:
    """What travels on behind a merge, and enters its rules: the first branch's type, and the
    masks that the merge lets through. `flow` is what entered the branches."""
    assert use.spec is not None
    assert use.spec.merge is not None
    type = flows[0].type
    assert type is not None
    masked = tuple(each.padding for each in flows)
    padding = use.spec.merge.travels(arguments.values, type.rank, masked)
    return replace(
        flow,
        type=type,
        origin=flows[0].origin,
        origin_name=flows[0].origin_name,
        padding=padding,
        pairwise=False,
        joined=all(each.joined for each in flows),
        positions=any(each.positions for each in flows),
        trail=flows[0].trail,
    )


def reads_memory(use: Use) -> bool:
    """Whether a layer attends to a memory where there is one."""
    if use.spec is None:
        return False
    if use.spec.role is Role.DECODER:
        return use.arguments["cross_attention"] is not False
    return use.spec.role is Role.ATTENTION and bool(use.arguments["mode"] == "cross")


def cannot_take(use: Use, ended: Ended, report: Reporter) -> None:
    """Several values arrive at a layer that takes one."""
    count = len(use.branches)
    what = f"{count} branches arrive" if count > 1 else "a branch ends"
    labels = []
    for branch, flow in zip(use.branches, ended.flows, strict=True):
        gives = f" gives {shape_text(flow.type)}" if flow.type is not None else ""
        labels.append(Label(branch.span, f"`{branch.name}`{gives}"))
    report.error(
        "E0232",
        f"{what} at `{use.layer.name.text}`, which takes one value",
        use.layer.name.span,
        labels=tuple(labels),
        help="put a merge layer in between, such as `Concatenate()` or `Add()`"
        if count > 1
        else "write its layers without the braces, or add another branch and a merge",
    )


def _wants_memory(branch: BranchUse, before: BranchUse) -> bool:
    """Whether the branch in front is what the branch's cross-attentions read: where they ask for
    it, and for a decoder that does not say, where that branch encodes."""
    encodes = any(
        use.spec is not None and use.spec.role is Role.ENCODER for use in all_uses(before.uses)
    )
    for use in all_uses(branch.uses):
        if not reads_memory(use):
            continue
        if use.spec is not None and use.spec.role is Role.ATTENTION:
            return True
        if encodes or use.arguments["cross_attention"] is True:
            return True
    return False
