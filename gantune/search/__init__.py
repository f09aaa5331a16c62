"""SearchSpace ↔ Optuna: what to try next, and what became of it. The one home of Optuna, but for the report's importance."""

from gantune.search.search import Asked, Past, Search

__all__ = ["Asked", "Past", "Search"]
