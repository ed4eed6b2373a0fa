"""The rungs of successive halving: how many, of how many epochs each, for how many candidates.

All in whole numbers. A factor that is none, 1.5 or 2.2, is the fraction that its digits say, so
that no rounding of a logarithm costs a rung: that of 243 by 3 is 5, where floating point makes it
4.999….
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from ._types import Parameters


def largest_power(factor: Fraction, limit: int) -> int:
    """The largest k for which factor ** k <= limit; factor > 1, limit >= 1."""
    k, power = 0, factor
    while power <= limit:
        k, power = k + 1, power * factor
    return k


@dataclass(frozen=True)
class Rungs:
    """Successive halving of so many candidates.

    Parameters
    ----------
    factor : Fraction
        By what epochs grow and candidates shrink from rung to rung, > 1.
    n_candidates : int
        Of the first rung.
    min_resources, max_resources : int
        Epochs of the first rung, and the most that any may have.
    aggressive_elimination : bool
        Whether rungs of min_resources are repeated until few enough candidates are left.
    """

    factor: Fraction
    n_candidates: int
    min_resources: int
    max_resources: int
    aggressive_elimination: bool

    @classmethod
    def exhausting(
        cls, factor: Fraction, n_candidates: int, max_resources: int, aggressive: bool
    ) -> "Rungs":
        """As many epochs in the first rung as let the last one have most of what there is."""
        most = floor(max_resources / factor ** largest_power(factor, n_candidates))
        return cls(factor, n_candidates, max(1, most), max_resources, aggressive)

    @property
    def n_required(self) -> int:
        """It takes so many to have fewer than `factor` candidates in the last."""
        return 1 + largest_power(self.factor, self.n_candidates)

    @property
    def n_possible(self) -> int:
        """The epochs allow for so many."""
        return 1 + largest_power(self.factor, self.max_resources // self.min_resources)

    def __len__(self) -> int:
        if self.aggressive_elimination:
            return self.n_required
        return min(self.n_required, self.n_possible)

    def n_resources(self, number: int) -> int:
        """The epochs of a rung."""
        power = number
        if self.aggressive_elimination:
            power = max(0, number - self.n_required + self.n_possible)
        return min(floor(self.factor**power * self.min_resources), self.max_resources)

    def work_after(self, number: int) -> tuple[float, float]:
        """Epochs of all candidates after so many rungs, as multiples of the first rung's.

        Of candidates that go on from where they are, and of those that start again in each rung.
        """
        n_candidates, before, going_on, anew = self.n_candidates, 0, 0, 0
        for rung in range(len(self)):
            n_epochs = self.n_resources(rung)
            if rung >= number:
                going_on += n_candidates * (n_epochs - before)
                anew += n_candidates * n_epochs
            before, n_candidates = n_epochs, self.n_kept(n_candidates)
        first = self.n_candidates * self.n_resources(0)
        return going_on / first, anew / first

    def n_kept(self, n_candidates: int) -> int:
        """How many of a rung's candidates go on to the next."""
        return ceil(n_candidates / self.factor)


def exact(factor: float) -> Fraction:
    """A number as the fraction that its shortest digits say."""
    return Fraction(repr(float(factor)))


def identity(parameters: Parameters, resource: str | None) -> tuple[tuple[str, int], ...]:
    """What a candidate is known by: from rung to rung its dict is copied, its values are not."""
    own = ((name, id(value)) for name, value in parameters.items() if name != resource)
    return tuple(sorted(own))


def renumbered(
    before: Sequence[Parameters], now: Sequence[Parameters], resource: str | None
) -> dict[int, int]:
    """The new numbers of candidates, by their old ones."""
    numbers: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for new, parameters in enumerate(now):
        numbers.setdefault(identity(parameters, resource), []).append(new)
    found = {}
    for old, parameters in enumerate(before):
        same = numbers.get(identity(parameters, resource))
        if same:
            found[old] = same.pop(0)
    return found
