"""Named data sets, opened once and kept as one tensor file; batches that live on the device."""

from __future__ import annotations

from gantune.data.batches import Batch, Batches
from gantune.data.catalog import dataset_names, describe_datasets, describe_paths, form_of, open_dataset, split_path
from gantune.data.dataset import Dataset, Form, to_bytes, to_unit

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "Form",
    "dataset_names",
    "describe_datasets",
    "describe_paths",
    "form_of",
    "open_dataset",
    "split_path",
    "to_bytes",
    "to_unit",
]
