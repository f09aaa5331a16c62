"""Named data sets, opened once and kept as one tensor file; batches that live on the device."""

from __future__ import annotations

from gantune.data.batches import Batch, Batches
from gantune.data.catalog import dataset_names, describe_datasets, open_dataset
from gantune.data.dataset import Dataset, to_bytes, to_unit

__all__ = ["Batch", "Batches", "Dataset", "dataset_names", "describe_datasets", "open_dataset", "to_bytes", "to_unit"]
