"""JSON Schema of the YAML files, so that an editor completes keys and marks mistakes."""

from __future__ import annotations

from typing import Any

from gantune.bundled import names
from gantune.config import declared_params
from gantune.data import dataset_names
from gantune.errors import UserError, did_you_mean
from gantune.families import family_names, open_family
from gantune.metrics import MetricSettings
from gantune.params import Param, params_of
from gantune.signals import OBJECTIVES
from gantune.space.domain import RANGES
from gantune.space.samplers import SAMPLERS
from gantune.spec.document import SweepDocument
from gantune.spec.sections import SCHEDULERS
from gantune.stopping import rule_names
from gantune.stopping.registry import RULES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS = ("sweep", "space")
TYPES = {float: "number", int: "integer", bool: "boolean", str: "string"}
Schema = dict[str, Any]


def json_schema(kind: str) -> Schema:
    """The schema of sweep files (`sweep`) or space files (`space`). `UserError` for any other kind.

    An editor cannot know everything: what depends on the family, the data or other values is checked by `gantune sweep --dry-run`.
    """
    if kind not in KINDS:
        raise UserError(f"unknown schema {kind!r}. {did_you_mean(kind, KINDS)}")
    return _sweep() if kind == "sweep" else _space()


def _sweep() -> Schema:
    schema = SweepDocument.model_json_schema()
    properties = schema["properties"]
    rules = {name: params_of(rule) for name, rule in RULES.items()}
    assert tuple(rules) == rule_names()
    own_rule: Schema = {
        "type": "object",
        "patternProperties": {r"\.py:\w+$": {"type": "object"}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    family: Schema = {"anyOf": [{"enum": list(family_names())}, {"type": "string", "pattern": r"\.py:\w+$"}]}
    enriched: dict[str, Schema] = {
        "family": {"anyOf": [*family["anyOf"], {"type": "array", "items": family, "minItems": 1}]},
        "space": {"anyOf": [{"enum": list(names("search_spaces"))}, {"type": "string"}]},
        "data": {"anyOf": [{"enum": list(dataset_names())}, {"type": "string", "pattern": "^folder:."}]},
        "fixed": {"type": "object", "properties": {name: _described(param) for name, param in _parameters().items()}},
        "sampler": _named({name: params_of(options) for name, options in SAMPLERS.items()}),
        "scheduler": _named({name: params_of(options) for name, options in SCHEDULERS.items()}),
        "stopping": {"type": "array", "items": {"anyOf": [_named(rules), {"type": "string", "pattern": r"\.py:\w+$"}, own_rule]}},
        "metrics": _options(params_of(MetricSettings)),
    }
    for name, better in enriched.items():
        properties[name] = better | {"description": properties[name]["description"]}
    schema["$defs"]["ObjectiveSection"]["properties"]["metric"] |= {"enum": list(OBJECTIVES)}
    properties["objective"]["anyOf"][0] = {"enum": list(OBJECTIVES)}
    partial = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    properties["on_gpu"] = partial | {"description": "what takes the place of the rest where there are GPUs"}
    return {"$schema": DIALECT, "title": "gantune sweep"} | {key: value for key, value in schema.items() if key != "title"}


def _space() -> Schema:
    number: Schema = {"type": "number"}
    pair: Schema = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    whole = pair | {"items": {"type": "integer"}}
    above_0 = {"exclusiveMinimum": 0}
    bodies: dict[str, Schema] = {
        "log": pair | {"items": number | above_0, "description": "from, to; sampled evenly on a log scale"},
        "uniform": pair | {"description": "from, to"},
        "int": whole | {"description": "whole numbers from, to, both included"},
        "int_log": whole | {"items": {"type": "integer"} | above_0, "description": "whole numbers, sampled evenly on a log scale"},
        "choice": {"type": "array", "minItems": 1, "description": "one of these"},
    }
    assert set(RANGES) < set(bodies)
    when: Schema = {"type": "object", "minProperties": 1, "description": "searched only while these names have one of these values"}
    entries: list[Schema] = [{"type": ["number", "string", "boolean"], "description": "a fixed value"}]
    for kind, body in bodies.items():
        entries.append({"type": "object", "properties": {kind: body, "when": when}, "required": [kind], "additionalProperties": False})
    for kind, body in {"derive": {"type": "string", "description": "an expression such as lr_d / lr_g"}, "fixed": {}}.items():
        entries.append({"type": "object", "properties": {kind: body}, "required": [kind], "additionalProperties": False})
    entry: Schema = {"$ref": "#/$defs/entry"}
    return {
        "$schema": DIALECT,
        "title": "gantune search space",
        "type": "object",
        "properties": {name: entry | {"description": f"{param.doc}; {param.allowed}"} for name, param in _parameters().items()},
        "additionalProperties": entry,
        "$defs": {"entry": {"anyOf": entries}},
    }


def _parameters() -> dict[str, Param]:
    """The parameters of all bundled families."""
    return {name: param for family in family_names() for name, param in declared_params(open_family(family)).items()}


def _named(options: dict[str, dict[str, Param]]) -> Schema:
    """A name, or {name: options}."""
    bodies = {name: _options(params) for name, params in options.items()}
    mapping: Schema = {"type": "object", "properties": bodies, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [{"enum": list(options)}, mapping]}


def _options(params: dict[str, Param]) -> Schema:
    return {"type": "object", "properties": {name: _described(param) for name, param in params.items()}, "additionalProperties": False}


def _described(param: Param) -> Schema:
    about: Schema = {"description": f"{param.doc}; {param.allowed}"}
    if param.choices is not None:
        return about | {"enum": list(param.choices)}
    plain: Schema = {"type": TYPES[param.kind]}
    for bound, low, key in ((param.low, True, "inimum"), (param.high, False, "aximum")):
        if bound is not None:
            is_open = param.open_low if low else param.open_high
            head = "m" if not is_open else "exclusiveM"
            plain[head + key] = bound
    return about | ({"anyOf": [plain, {"type": "object", "description": "{kimg: value}"}]} if param.schedule else plain)
