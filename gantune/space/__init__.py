"""Where a sweep looks: ranges, conditions, derived and fixed values, from YAML or from a Python function."""

from gantune.space.domain import Domain
from gantune.space.reading import open_space, space_of
from gantune.space.space import SearchSpace

__all__ = ["Domain", "SearchSpace", "open_space", "space_of"]
