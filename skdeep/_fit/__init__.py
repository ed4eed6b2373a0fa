"""How networks are trained: a recipe says what, a fit says how, for one network and for many.

`Recipe` is all that training needs to know beyond the rows; `Fit` trains K of them together. It
asks a solver for epoch after epoch, and for another run wherever the population or a recipe has
changed; the batches within an epoch are the engine's. Nothing here knows an estimator: estimators
yield recipes and rows, and are given back what each model has come to.
"""
