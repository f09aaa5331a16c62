"""The standard FID features: InceptionV3 as torch-fidelity builds it, 2048 of them a picture."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gantune.data.cache import cache_root
from gantune.errors import UserError

FILE_HASH = "6726825d"  # start of the published file's SHA-256, which is part of its name


def open_inception(weights: Path | None, device: torch.device) -> tuple[Callable[[Tensor], Tensor], str]:
    """A function from uint8 images (n, 1 or 3, H, W) to features (n, 2048), and the SHA-256 of the weights.

    `weights` is the file that torch-fidelity publishes, or one of the same layout; None downloads it once. `UserError` when it
    cannot be had or is something else.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
    except ImportError:
        raise UserError("extractor inception: needs the package torch-fidelity. Run: pip install torch-fidelity") from None
    path = _downloaded(URL_INCEPTION_V3) if weights is None else weights.expanduser()
    _check(path)
    try:
        net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except (RuntimeError, AttributeError, TypeError):
        raise UserError(f"inception weights {path}: hold another network than the InceptionV3 that torch-fidelity publishes.") from None
    net = net.to(device)

    def extract(images: Tensor) -> Tensor:
        features: Tensor = net(images.expand(-1, 3, -1, -1).contiguous())[0]
        return features

    return extract, hashlib.sha256(path.read_bytes()).hexdigest()


def _check(path: Path) -> None:
    """Refuse what is not plain weights. torch-fidelity would run code hidden in the file, so it is read the safe way first."""
    if not path.is_file():
        raise UserError(f"inception weights {path}: there is no such file.")
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"inception weights {path}: not a file of plain weights, so it is not opened ({reason[:120]}).") from None


def _downloaded(url: str) -> Path:
    path = cache_root() / "weights" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=FILE_HASH, progress=False)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"extractor inception: its weights could not be downloaded ({error}).\n"
            f"Put {path.name} from torch-fidelity's releases into {path.parent}, or set metrics.weights to its path, "
            "or metrics.extractor to raw or mnist_cnn (`gantune fid`: --weights, --extractor)."
        ) from error
    return path
