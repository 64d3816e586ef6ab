"""Values chosen from outside the program: open choices (`HPO(…)`) and overrides (`--set`)."""
