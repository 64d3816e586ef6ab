"""The codes of messages about what the passes did, and faults of the compiler itself."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0901": Code(
        "fault in a compiler pass",
        "A pass failed, or left a graph that the verifier refuses. The program is not to blame. "
        "The intermediate representation before the pass is kept, so that the fault can be "
        "reproduced and reported; a lower -O level may get around it.",
    ),
    "R0801": Code(
        "fused",
        "Several operations were recognized as one, e.g. three projections, a scaled softmax and "
        "two products as an attention. Shown by `--remarks`.",
    ),
    "R0802": Code(
        "not fused, or left as it is",
        "Operations that look like a known pattern stayed apart, or are computed as they are "
        "written; the message gives the reason. The program is right all the same, but may be "
        "slower than it could be.",
    ),
    "R0803": Code(
        "form chosen",
        "A fused operation can be computed by several kernels. The message says which one was "
        "taken for the target and why.",
    ),
    "R0804": Code(
        "remark of a pass",
        "Something that a pass did or found and that may be worth knowing.",
    ),
}
