"""The engine: networks, objectives and solvers on flat parameter vectors.

Everything here works on θ of shape ``(*M, P)``: M is empty for one model and ``(K,)`` for a
population of K models trained at once. Nothing here knows of scikit-learn's conventions.
"""
