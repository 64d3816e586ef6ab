"""Graph to graph: the passes, one a file, and the manager that runs them.

In: a graph of primitive ops, as built. Out: the same computation, cleaned up and raised to fused
ops (`pipelines.py` says which passes run at which level, and why in that order).
"""
