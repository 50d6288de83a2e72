"""Trained weights of a host in a model with adaptors, of which its checkpoint knows nothing."""

from pathlib import Path

from torch import nn

from analysis.models.mamba_adaptor import HEADS, is_adaptor_tensor
from analysis.weights.card import WeightsError
from analysis.weights.fitting import LoadReport, load_state_dict_with_report
from analysis.weights.named_tensors import named_tensors


def load_host_weights(
    model: nn.Module, source: str | Path, *, keep_head: bool = True
) -> LoadReport:
    """Copy a weights name's or checkpoint file's tensors into the host of a model with adaptors.

    Adaptors keep their start, and so does the task head unless `keep_head`. VMamba, Vim and
    VideoMamba files have the published names.

    Raises WeightsError, one sentence, where anything else would stay untrained or unused.
    """
    state = named_tensors(str(source))
    if not keep_head:
        state = {key: value for key, value in state.items() if not key.startswith(HEADS)}
    report = load_state_dict_with_report(model, state, strict=False)
    kept = () if keep_head else HEADS
    lacking = [
        key for key in report.missing if not is_adaptor_tensor(key) and not key.startswith(kept)
    ]
    if lacking or report.unexpected:
        what = f"has no {lacking[0]}" if lacking else f"has {report.unexpected[0]} beside it"
        raise WeightsError(
            f"{Path(source).name} does not fit the host: it {what} in the right shape; choose "
            "weights of the same architecture and size."
        )
    return report
