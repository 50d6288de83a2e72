"""Interventions inside the scans; layers after them run as always, on what they are then given."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.attribution.edited_pass import ScanInput
from analysis.attribution.interventions.intervention import ScanIntervention, check_tokens
from analysis.attribution.method import AttributionError, one_clip
from analysis.ops.selective_scan import selective_scan


@dataclass(frozen=True, eq=False)
class Knockout(ScanIntervention):
    """Receivers no longer hear sources: y[t] -= alpha[t, s] u[s] for t in one and s in the other.

    sources, receivers: bool (L,). Step sizes, B and C stay as the sources set them in this layer,
    and so does the skip; a token in both sets loses what its own state just took in.
    """

    sources: Tensor
    receivers: Tensor

    def describe(self) -> str:
        return (
            f"{int(self.sources.sum())} tokens unheard by {int(self.receivers.sum())} in the scans"
        )

    def settings(self) -> dict[str, object]:
        return {
            **super().settings(),
            "sources": self.sources.nonzero()[:, 0].tolist(),
            "receivers": self.receivers.nonzero()[:, 0].tolist(),
        }

    def check(self, model: nn.Module, clip: Tensor) -> None:
        super().check(model, clip)
        for name in ("sources", "receivers"):
            check_tokens(name, getattr(self, name), model.token_grid.length)

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        # With step sizes, B and C frozen the scan is linear in u: one more scan gives their share.
        heard = selective_scan(
            scan.u * scan.at_steps(self.sources), scan.delta, scan.A, scan.B, scan.C
        )
        return scan.scan() - strength * heard * scan.at_steps(self.receivers)


@dataclass(frozen=True, eq=False)
class ScaleDelta(ScanIntervention):
    """The step size of some tokens, bool (L,), times a factor of at least 0.

    Above 1 the states take in more of them and forget more of what was before; at 0 a scan passes
    over them, but for the skip.
    """

    tokens: Tensor
    factor: float

    def describe(self) -> str:
        return f"step size of {int(self.tokens.sum())} tokens times {self.factor:g}"

    def settings(self) -> dict[str, object]:
        tokens = self.tokens.nonzero()[:, 0].tolist()
        return {**super().settings(), "tokens": tokens, "factor": self.factor}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        super().check(model, clip)
        check_tokens("tokens", self.tokens, model.token_grid.length)
        if not self.factor >= 0:
            raise AttributionError(f"The factor must be 0 or more, got {self.factor}.")

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        more = strength * (self.factor - 1) * scan.at_steps(self.tokens)
        return scan.scan(delta=scan.delta * (1 + more))


@dataclass(frozen=True, eq=False)
class PatchState(ScanIntervention):
    """The state that a scan holds after a token is replaced by that of another clip.

    other: (3, T, H, W), normalised. token: index in the sequence (CLS is 0) after whose reading
    the state is exchanged; the token itself is answered from the new state. From there the scan
    goes on over the clip's own tokens. The other clip runs through the model unchanged.
    """

    other: Tensor
    token: int

    def describe(self) -> str:
        return f"state after token {self.token} from another clip"

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "token": self.token}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        super().check(model, clip)
        if one_clip(model, self.other).shape != clip.shape:
            raise AttributionError(
                f"The other clip must be {tuple(clip.shape)} too, got {tuple(self.other.shape)}."
            )
        length = model.token_grid.length
        if not 0 <= self.token < length:
            raise AttributionError(f"There is no token {self.token}; choose 0 to {length - 1}.")

    def clips(self, model: nn.Module, clip: Tensor, strength: Tensor) -> Tensor:
        return torch.stack([clip, one_clip(model, self.other)])

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        step = int((scan.positions[0] == self.token).nonzero())
        own, other = _state_after(scan, step)
        # The difference of two states fades by the clip's own step sizes; summed in double, as a
        # long sum in float32 loses digits.
        passed = scan.delta[:1, :, step + 1 :].double().cumsum(-1)
        passed = torch.nn.functional.pad(passed, (1, 0))[0]
        fading = torch.exp(scan.A.double()[:, None] * passed[..., None]).to(own.dtype)
        change = torch.einsum("nl,en,eln->el", scan.C[0, :, step:], other - own, fading)
        change = torch.nn.functional.pad(change, (step, 0))
        y = scan.scan()
        return torch.cat([y[:1] + strength * change.to(y.dtype), y[1:]])


def _state_after(scan: ScanInput, step: int) -> tuple[Tensor, Tensor]:
    """The states (E, N) of both clips after a step."""
    read = slice(step + 1)
    _, states = selective_scan(
        scan.u[..., read],
        scan.delta[..., read],
        scan.A,
        scan.B[..., read],
        scan.C[..., read],
        return_last_state=True,
    )
    return states[0], states[1]


@dataclass(frozen=True, eq=False)
class SwitchOff(ScanIntervention):
    """The chosen directions are silent: their scans and skips add nothing."""

    def describe(self) -> str:
        return f"{' and '.join(self.directions)} scan switched off"

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        return (1 - strength) * scan.scan()


@dataclass(frozen=True, eq=False)
class SwapDirections(ScanIntervention):
    """The chosen directions read by the parameters of the other one."""

    def describe(self) -> str:
        return f"{' and '.join(self.directions)} scan with the other direction's parameters"

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        y = scan.scan()
        return y + strength * (scan.by_other_direction().scan() - y)
