"""gantune finds the hyperparameters that make a GAN train."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("gantune")
except PackageNotFoundError:  # used from a bare checkout, as on a GPU machine without a package registry
    __version__ = "0+unknown"
