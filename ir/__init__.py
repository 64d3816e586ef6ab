"""The ground floor: types, values, nodes, the graph, and what every op means.

In: nothing but numpy and networkx. Out: `Graph` and all that can be asked of one without compiling
it: the ops and their float64 references (`ops/`, `interpreter.py`), the content of weights
(`evaluate.py`), the verifier, the text form, and diagnostics with their places.
"""
