"""Where a sweep looks: ranges, conditions, derived and fixed values, from YAML or from a Python function."""

from gantune.space.domain import Domain
from gantune.space.reading import open_space, space_of
from gantune.space.space import SearchSpace
from gantune.space.zoo import Space, ZooSpace, space_from_json
from gantune.space.zoo_file import open_zoo, zoo_of

__all__ = ["Domain", "SearchSpace", "Space", "ZooSpace", "open_space", "open_zoo", "space_from_json", "space_of", "zoo_of"]
