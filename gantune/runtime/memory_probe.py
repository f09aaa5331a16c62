"""`gpu: auto`: how many trials share a GPU, found by training a few steps of the canonical and of the largest setting before the search."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ray

from gantune.errors import UserError
from gantune.runtime.desk import Desk
from gantune.runtime.failures import MAX_LOSSES, Loss, failure_of
from gantune.runtime.ledger import Entry
from gantune.runtime.replaying import to_continue
from gantune.runtime.shares import MOST, share_for, words
from gantune.runtime.watchdog import Crew
from gantune.runtime.work import Plan, out_of_memory, resolve
from gantune.search import Search
from gantune.spec.model import Sampler

SAMPLE = 64  # configurations among which the largest is looked for
STEPS = 20  # batches that a probe trains
GIB = 2**30


def choose_share(desk: Desk) -> None:
    """Where the sweep leaves it open, probe what share of a GPU a trial takes, and write it down; a resume takes the same."""
    if desk.spec.resources.gpu != "auto" or not desk.at.gpus or desk.ledger.is_probed:
        return
    if len(desk.ledger.trials) >= desk.ledger.total and not to_continue(desk.ledger, desk.limits):
        return
    desk.live.note("gpu: auto: a memory probe trains a few steps of the canonical and of the largest setting")
    found = [_probe(desk, plan) for plan in probe_plans(desk)]
    shutil.rmtree(desk.planner.folder / "probe", ignore_errors=True)
    cpu = desk.spec.resources.cpu
    cores = min((one.cpus / one.gpus for one in (*desk.at.machines, *desk.at.all) if one.gpus and one.cpus >= cpu), default=0.0)
    share, why = chosen(found, int(cores // cpu))
    failed = any(one.get("error") for one in found)  # a resume probes again
    desk.book.append("share", gpu=share, why=why, probed=found, failed=failed)
    desk.live.set(slots=desk.places)
    desk.live.note(f"gpu: auto: a trial takes {words(share)}, as {why}")


def chosen(found: list[dict[str, Any]], most: int) -> tuple[float, str]:
    """The share, and why, from what the probes found, with cores for `most` trials on a GPU."""
    failed = next((one["error"] for one in found if one.get("error")), None)
    if failed is not None:
        return 1.0, f"the probe failed ({failed}); with --set resources.gpu=0.25 the share is yours"
    if any(one.get("full") for one in found):
        return 1.0, "one trial alone filled the card in the probe"
    largest = max(found, key=lambda one: float(one["used"]) / float(one["total"]))
    share = share_for(float(largest["used"]), float(largest["total"]), max(1, most))
    cores = ", and there are cores for no more" if share > share_for(float(largest["used"]), float(largest["total"]), MOST) else ""
    return share, f"the largest setting took {largest['used'] / GIB:.1f} of {largest['total'] / GIB:.1f} GiB{cores}"


def probe_plans(desk: Desk) -> Iterator[Plan]:
    """Those of the canonical setting of each family, and of the largest in a sample of the space."""
    spec, planner = desk.spec, desk.planner
    search = Search(spec.space, Sampler("random", spec.seed), mode=spec.objective.mode)
    drawn = [asked.params for asked in (search.ask() for _ in range(SAMPLE)) if asked is not None]
    entries = [entry for entry in (_entry(planner.settle, params) for params in drawn) if entry is not None]
    canonical = [Entry("probe", 0, params, planner.settle(params), "canonical") for params, _ in spec.space.canonical()]
    for number, entry in enumerate([*canonical, *([max(entries, key=planner.size)] if entries else [])]):
        yield planner.probe(f"{number}", entry, STEPS)


def measure(plan: Plan) -> dict[str, int]:
    """Train to the plan's one report in this process: bytes of its GPU that this took, and that there are."""
    import torch

    from gantune.trial import Trial, TrialPlan

    if not torch.cuda.is_available():
        raise RuntimeError("Ray gave the probe a GPU, and torch sees none")
    shutil.rmtree(Path(plan["folder"]), ignore_errors=True)
    Trial(TrialPlan.from_json(plan)).advance()
    free, total = torch.cuda.mem_get_info()
    context = total - free - torch.cuda.memory_reserved()  # CUDA's own, which torch does not count; the card is this process's alone
    return {"used": torch.cuda.max_memory_reserved() + max(0, context), "total": total}


class Prober:
    """The actor: one probe, in a process of its own, so that its peak is its own."""

    def ready(self) -> None:
        """It runs, so that it has its GPU."""

    def measure(self, ref: str, plan: Plan) -> dict[str, int]:
        """What the probe named `ref` finds."""
        try:
            return dict(resolve(ref)(plan))
        except Exception as error:
            short = out_of_memory(error)
            if short is not None:
                raise short from error
            raise


def _entry(settle: Callable[[dict[str, Any]], dict[str, Any]], params: dict[str, Any]) -> Entry | None:
    try:
        return Entry("probe", 0, params, settle(params), "probe")
    except UserError:  # drawn where the family does not allow it, as a search does, too
        return None


def _probe(desk: Desk, plan: Plan) -> dict[str, Any]:
    """Bytes that were `used` and that there are in `total`; `full` when the card had no memory for one alone; or an `error`."""
    for _ in range(MAX_LOSSES):
        try:
            return _attempt(desk, plan)
        except ray.exceptions.RayTaskError as error:
            failure = failure_of(error)
            break
        except ray.exceptions.RayError as error:  # its worker is lost
            failure = failure_of(error)
    return {"full": True} if failure.kind is Loss.GPU_MEMORY else {"error": failure.why}


def _attempt(desk: Desk, plan: Plan) -> dict[str, Any]:
    cpu = desk.spec.resources.cpu
    actor = ray.remote(num_cpus=cpu, num_gpus=1)(Prober).remote()
    ready, result = actor.ready.remote(), actor.measure.remote(desk.prober, plan)
    desk.watchdog.progress()
    try:
        while not ray.wait([result], timeout=0.2)[0]:
            desk.stops.poll()
            desk.watchdog.poll(lambda: Crew(frozenset(), len(ray.wait([ready], timeout=0)[1]), cpu, 1.0))
        return dict(ray.get(result))
    finally:
        desk.watchdog.progress()
        ray.kill(actor)
