"""Fixtures of the searches."""

import pytest

import skdeep.model_selection._evaluation as evaluation_module


@pytest.fixture
def _all_stacked(monkeypatch):
    """Fails a search that fits a candidate alone, which is what the results are compared with."""

    def refuse(self, rung, pairs):
        assert not pairs

    monkeypatch.setattr(evaluation_module.Evaluator, "_evaluate_alone", refuse)
