"""One sweep's section of the page: its words, its tables and its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gantune.report import balance_words, repeat, words
from gantune.report.balance import MOST_CONFIGURATIONS, configurations, panels, searches_seed
from gantune.report.by_family import SENTENCE, FamilyRow, by_family
from gantune.report.compute import Progress, Spent, spent
from gantune.report.equilibria import Line, equilibrium_line
from gantune.report.figures import Figure, best_so_far, finals_strip, importance_bars, is_log, landscape
from gantune.report.finals import Final, sentence, verdict
from gantune.report.importance import Importance, importance
from gantune.report.numbers import duration, mean_std, number, percent, setting, sort_key
from gantune.report.provenance import listed, varied
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Row, Sweep
from gantune.report.sample_grids import finals_grids, trial_grids
from gantune.report.series import MOST_TRIALS, curves_panel
from gantune.report.tables import group_title
from gantune.report.trial_table import trial_group
from gantune.tracking.settings_key import measured_with


@dataclass
class Shelf:
    """The page's figures by the name under which the page finds them."""

    figures: dict[str, Figure] = field(default_factory=dict)

    def put(self, figure: Figure | None) -> str:
        """The figure's name; "" for none."""
        if figure is None:
            return ""
        name = f"f{len(self.figures)}"
        self.figures[name] = figure
        return name


def section(sweep: Sweep, shelf: Shelf, finals: Sequence[Final], track: Progress) -> dict[str, Any]:
    """Everything that the template asks of a sweep."""
    cost, line = spent(sweep), equilibrium_line(sweep)
    curves, samples = curves_panel(sweep, line), trial_grids(sweep)
    scene, seeded = landscape(sweep), searches_seed(sweep)
    weights = _importance(sweep)
    if scene is not None:
        ranked = [name for name in (*weights.shares, "lr_ratio", "k", *scene["params"]) if name in scene["params"]]
        names = list(dict.fromkeys(name for name in ranked if name != "seed" or len(scene["params"]) < 3))
        scene["x"], scene["y"] = names[:2]
    return {
        "name": sweep.name,
        "label": sweep.label,
        "searched": sweep.searched,
        "family": ", ".join(sweep.record.families),
        "data": sweep.spec.get("data", "unnamed data"),
        **words.header(sweep),
        "headline": balance_words.headline(sweep, configurations(sweep))
        if seeded
        else words.headline(sweep, sentence(sweep, list(finals))),
        "families": [_family(one) for one in by_family(sweep)],
        "families_sentence": SENTENCE,
        "tiles": _tiles(cost),
        "counts": words.counts(cost, sweep),
        "finals": [_final(final, sweep) for final in finals],
        "finals_sentence": words.finals(sweep, finals),
        "finals_figure": shelf.put(finals_strip(sweep, finals)) if len({f.settings for f in finals}) == 1 else "",
        "final_samples": finals_grids(sweep, finals),
        "no_finals": words.no_finals(sweep, seeded),
        "groups": [trial_group(sweep, name, rows, index == 0) for index, (name, rows) in enumerate(sweep.groups.items())],
        "balance": _balance(sweep, line, shelf) if seeded else None,
        "progress": [shelf.put(best_so_far([sweep], [track], axis, _reference(sweep, finals))) for axis in ("seconds", "kimg")]
        if track.best
        else [],
        "progress_note": words.progress(sweep, track, finals),
        "landscape": shelf.put(scene),
        "landscape_note": words.landscape(
            sweep, stepped=scene is not None and any(axis["kind"] == "steps" for axis in scene["params"].values())
        ),
        "no_landscape": "A picture takes three ranked trials and a parameter that varies; this sweep does not have them yet.",
        "importance": shelf.put(importance_bars(weights)) if weights.shares else "",
        "importance_note": words.importance(weights, sweep),
        "curves": shelf.put(curves) if curves["trials"] else "",
        "curves_note": words.curves(curves["of"], MOST_TRIALS),
        "has_d": bool({"d_loss", "d_loss_heldout"} & set(curves["has"])),
        "has_g": "g_loss" in curves["has"],
        "has_m": sweep.metric in curves["has"],
        "d_note": words.d_loss(curves["has"], line),
        "samples_note": words.samples(_ranks(sweep)),
        "samples": [entry for entry in samples if entry["pictures"]],
        "without_samples": words.without_samples([entry["name"] for entry in samples if not entry["pictures"]]),
        "provenance": _provenance(sweep, finals),
        "command": repeat.commands(sweep),
        "versions": repeat.versions(sweep),
        "versions_line": " · ".join(f"{name} {value}" for name, value in repeat.versions(sweep)),
    }


def _family(one: FamilyRow) -> dict[str, Any]:
    values = [None if row is None else row.value for row in (one.best, one.canonical)]
    return {
        "family": one.family,
        "trial": one.best.id if one.best else "–",
        "best": {"text": one.shown(one.best), "sort": sort_key(values[0])},
        "canonical": {"text": one.shown(one.canonical), "sort": sort_key(values[1])},
        "trials": len(one.rows),
        "early": one.stopped_early,
    }


def _reference(sweep: Sweep, finals: Sequence[Final]) -> tuple[float, str] | None:
    """What the sweep's progress is compared with: the canonical trial, or its setting re-run in full where that trial was cut short."""
    canonical, again = sweep.canonical, words.rerun(finals)
    if canonical is None or canonical.best is None:
        return None
    short = words.cut_short(canonical, sweep)
    if short and again is not None and again.summary is not None:
        return again.summary.mean, f"canonical, re-run in full: {number(again.summary.mean)}"
    return canonical.best, f"canonical {number(canonical.best)}" + (f", {short}" if short else "")


def _tiles(cost: Spent) -> list[dict[str, str]]:
    tiles = [{"value": f"{cost.trials:,}", "label": "trials" if cost.trials != 1 else "trial"}]
    share = f" ({percent(cost.stopped_early / cost.ended)} of those ended)" if cost.ended else ""
    tiles.append({"value": f"{cost.stopped_early:,}", "label": f"stopped early{share}"})
    if cost.saved_seconds is not None:
        tiles.append({"value": percent(cost.saved_seconds), "label": "of device seconds saved by early stops"})
    if cost.saved_kimg is not None:
        tiles.append({"value": percent(cost.saved_kimg), "label": "of kimg saved by early stops"})
    tiles.append({"value": duration(cost.seconds), "label": "device time of all trials"})
    tiles.append({"value": f"{cost.kimg:,.0f}", "label": "kimg of all trials"})
    return tiles


def _final(final: Final, sweep: Sweep) -> dict[str, Any]:
    each = [f"{number(value, 4)} (seed {seed})" for seed, value in final.values.items()]
    each += [f"no finite value (seed {seed})" for seed in final.failed]
    return {
        "title": final.title,
        "spread": mean_std(final.summary.mean, final.summary.std) if final.summary else "–",
        "n": len(final.values),
        "each": each,
        "verdict": verdict(final, sweep.mode),
        "kimg": setting(final.kimg),
        "time": duration(final.seconds),
    }


def _importance(sweep: Sweep) -> Any:
    rows = sweep.groups.get(sweep.best.group, []) if sweep.best else []
    if any(row.record.takeovers for row in rows):
        return Importance(
            {}, len(rows), why="In a population a trial's value is due to its schedule, not to the values that it began with."
        )
    params = [row.record.params for row in rows]
    log = [name for name in sweep.searched if is_log([given[name] for given in params if name in given])]
    values = [math.nan if row.value is None else row.value for row in rows]
    return importance(params, values, mode=sweep.mode, log=log)


def _balance(sweep: Sweep, line: Line, shelf: Shelf) -> dict[str, Any]:
    found = configurations(sweep)
    shown = found[:MOST_CONFIGURATIONS]
    groups = list(dict.fromkeys(one.group for one in found))
    valued = [(one.summary.mean, index) for index, one in enumerate(found) if one.summary]
    best = found[(min if sweep.mode == "min" else max)(valued)[1]] if valued else None
    spreads = {id(one): mean_std(one.summary.mean, one.summary.std) if one.summary else "no finite value" for one in found}
    rows: dict[str, list[dict[str, Any]]] = {group: [] for group in groups}
    for one in found:
        ends = {name: one.last(name) for name in ("d_loss", "d_loss_heldout", "g_loss")}
        rows[one.group].append(
            {
                "title": one.title,
                "spread": spreads[id(one)],
                "sort": sort_key(one.summary.mean if one.summary else None),
                "n": one.summary.n if one.summary else 0,
                "each": ", ".join(number(row.value) for row in one.rows),
                "gap": balance_words.gap(best, one) if best else "–",
                "reasons": one.reasons.replace("_", " "),
                "d": number(ends["d_loss"]),
                "d_sort": sort_key(ends["d_loss"]),
                "heldout": number(ends["d_loss_heldout"]),
                "h_sort": sort_key(ends["d_loss_heldout"]),
                "g": number(ends["g_loss"]),
                "g_sort": sort_key(ends["g_loss"]),
            }
        )
    drawn = panels(sweep, shown, line)
    return {
        "title": balance_words.title(sweep),
        "sentence": balance_words.explanation(sweep, found),
        "note": balance_words.note(len(shown), len(found), line),
        "tables": [
            {"sentence": "" if len(groups) == 1 else words.group(sweep, group, group_title(sweep, group), 0), "rows": rows[group]}
            for group in groups
        ],
        "cards": [
            {"title": one.title, "spread": spreads[id(one)], "figure": shelf.put(figure)} for one, figure in zip(shown, drawn, strict=True)
        ],
    }


def _provenance(sweep: Sweep, finals: Sequence[Final]) -> list[dict[str, Any]]:
    found = []
    for name, rows in sweep.groups.items():
        if name in (NO_VALUE, NOT_RESCORED):
            continue
        score, scores = rows[0].record.score or {}, [measured_with(row.record.score) for row in rows]
        mixed = dict.fromkeys(varied(scores), "differs, as the search decides it")
        settings = listed({**scores[0], **mixed}) or [("settings", "not recorded")]
        title = f"Trials rescored on fresh samples ({len(rows)})"
        found.append(
            {
                "title": title,
                "settings": settings + _floor(score.get("floor"), scores[0]) + _controls(rows),
            }
        )
    for key in dict.fromkeys(final.settings for final in finals):
        group = [final for final in finals if final.settings == key]
        title = "Finalists and canonical setting: " + ", ".join(final.title for final in group)
        settings = listed(group[0].provenance) or [("settings", "not recorded")]
        found.append({"title": title, "settings": settings + _floor(group[0].floor, group[0].provenance)})
    metrics = sweep.spec.get("metrics") or {}
    if metrics:
        while_training = [("split", "the other half of the held-out queries")] if _ranks(sweep) else listed(metrics)
        found.append({"title": "Values measured while training (curves, best so far)", "settings": while_training})
    return found


def _ranks(sweep: Sweep) -> bool:
    """Whether its generators order the documents of queries."""
    return sweep.metric in ("precision_at_5", "ndcg_at_5")


def _controls(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The losses between which a C2ST must be read: it counts for nothing where the untrained generators' are not far below ln 2."""
    known = [(row.record.score or {}).get("controls") or {} for row in rows]
    found = []
    for name, title in (("real", "real against real"), ("untrained", "real against untrained generators")):
        losses = [losses[name] for losses in known if name in losses]
        if losses:
            span = number(min(losses)) if min(losses) == max(losses) else f"{number(min(losses))} to {number(max(losses))}"
            found.append(f"{title} {span}")
    return [("C2ST controls (loss in nats)", ", ".join(found))] if found else []


def _floor(floor: Any, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The floor with the number of examples it was measured with, since fewer samples read higher."""
    if not floor:
        return []
    text, n, n_fake = ", ".join(f"{name} {number(value)}" for name, value in floor.items()), settings.get("n_floor"), settings.get("n_fake")
    if isinstance(n, int):
        text += f"; measured with {n:,} held-out examples"
        text += f", so that a value of {n_fake:,} samples may lie below it" if isinstance(n_fake, int) and n < n_fake else ""
    return [("best order and a random one" if "n_queries" in settings else "floor, real against real", text)]
