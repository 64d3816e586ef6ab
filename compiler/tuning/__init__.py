"""-O3: the open choices of forms, measured on the machine that compiles."""
