"""Model to graph: the primitive ops that the layers stand for."""
