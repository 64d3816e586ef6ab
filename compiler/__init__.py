"""Source text to a model: the front end, the driver with the whole pipeline, the command lines.

In: a Neural program and options. Out: a `CompiledModel` (`driver.py`). Nothing below imports it.
"""
