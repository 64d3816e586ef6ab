"""The IR as text: what people, tests and dumps read.

In: a graph or its text. Out: the other of the two; `parse_graph(print_graph(g, locations=True))`
equals `g`. The form:

    graph @Name {
      symbol B >= 1 "the batch"
      %input_ids = input : i64[B, 128]
      %"encoder[0]/attention/query/kernel" = parameter seeded glorot_uniform(seed=0) : f32[512, 512]
      %constant = constant 0.125 : f32[]
      %sum = reduce_sum(%x) {axes = (1,)} : f32[B]  in encoder[0] at model.neural:5:5-5:60
      output %sum as "output"
    }
"""

from __future__ import annotations

from .text_parse import parse_graph
from .text_print import print_graph
from .text_tokens import GraphTextError

__all__ = ["GraphTextError", "parse_graph", "print_graph"]
