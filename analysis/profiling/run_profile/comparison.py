"""Two profiles side by side, region by region."""

from dataclasses import asdict, dataclass

from analysis.profiling.run_profile.assignment import pass_order
from analysis.profiling.run_profile.profile_pass import PassProfile
from analysis.profiling.run_profile.tables import RegionCost


@dataclass(frozen=True)
class RegionDifference:
    """A region of one pass in two profiles; None where a profile does not have it.

    difference_ms: second less first, a missing region counting as 0.
    """

    region: str
    pass_: str
    first_ms: float | None
    second_ms: float | None
    difference_ms: float
    first_peak_bytes: int | None
    second_peak_bytes: int | None

    def row(self) -> dict:
        """As JSON, with `pass` for `pass_`."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


def compare_profiles(first: PassProfile, second: PassProfile) -> tuple[RegionDifference, ...]:
    """A row per region and pass that either profile has, in the order of a pass.

    The differences sum to the difference of the typical steps.
    """
    one, other = _by_key(first), _by_key(second)
    keys = sorted(one.keys() | other.keys(), key=pass_order)
    return tuple(_difference(*key, one.get(key), other.get(key)) for key in keys)


def _by_key(profile: PassProfile) -> dict[tuple[str, str], RegionCost]:
    return {(cost.region, cost.pass_): cost for cost in profile.regions}


def _difference(
    region: str, pass_: str, one: RegionCost | None, other: RegionCost | None
) -> RegionDifference:
    return RegionDifference(
        region=region,
        pass_=pass_,
        first_ms=one and one.self_ms,
        second_ms=other and other.self_ms,
        difference_ms=(other.self_ms if other else 0.0) - (one.self_ms if one else 0.0),
        first_peak_bytes=one and one.peak_bytes,
        second_peak_bytes=other and other.peak_bytes,
    )
