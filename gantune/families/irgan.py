"""IRGAN for web search (Wang et al. 2017, arXiv:1705.10513): the generator ranks documents, the discriminator judges them.

An example is a query with M documents of F features each, x (N, M, F); y (N, M) is the documents' relevance: above 0 observed to be
relevant, 0 unlabelled, -1 padding, which is never sampled, judged or ranked. Every query has an observed positive; the data sets
see to that.

G scores documents, and its policy p(d|q) is the softmax of these scores over the temperature. D's score f(q, d) of a document is a
logit. D tells observed positives from documents that G's policy picks. G is rewarded with 2(sigma(f) - 1/2) for what it picks, and
learns by REINFORCE, its documents drawn from a proposal that leads it to observed positives more often than its policy does.

Before that both are pretrained, until `pretrain_kimg`: G on the likelihood of the observed positives, D on telling them from
documents drawn uniformly from the unlabelled ones. The memory holds the flag, and `remember` raises it.

The unit of the budget is a query: a step of either player takes a batch of queries, whatever number of their documents is sampled, and
a kimg is a thousand of (queries in D steps + queries in G steps) / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players, Samples
from gantune.nets.ranking import Scorer
from gantune.params import param


@dataclass(frozen=True)
class RankingArch:
    """The two scoring functions, which are built alike."""

    hidden: int = param(46, "tanh units of the one hidden layer of G and of D; 0: scores are linear in the features", low=0, high=4096)


@dataclass(frozen=True)
class IRGANHparams:
    """The policy, and how documents are drawn from it."""

    temperature: float = param(0.2, "temperature of G's policy softmax(scores / temperature)", low=0, high=100, open_low=True)
    positive_share: float = param(
        0.5, "share of G's proposal for importance sampling that is uniform on observed positives; the rest is its policy", low=0, high=0.95
    )
    documents: int = param(5, "documents drawn for each query: by D of either kind, by G for its gradient", low=1, high=1000)
    baseline: bool = param(True, "whether G's reward is an advantage: less what its policy expects")
    pretrain_kimg: float = param(30.0, "kimg in which G maximises the likelihood of observed positives, at the start", low=0)


class IRGAN(Family[RankingArch, IRGANHparams]):
    """IRGAN, pointwise."""

    name = "irgan"
    paper = "Wang et al. 2017, arXiv:1705.10513"
    Arch = RankingArch
    Hparams = IRGANHparams
    # The authors' pointwise code for LETOR: SGD 1e-3 for both, L2 0.01, batch 8, as many hidden units as features, temperature 0.2,
    # half of the proposal on positives (their item recommendation: 0.2), five documents a positive. The
    # paper pretrains both, and its advantage function is the baseline; how long to pretrain is this project's choice.
    canonical = {
        "hidden": 46,
        "temperature": 0.2,
        "positive_share": 0.5,
        "documents": 5,
        "baseline": True,
        "pretrain_kimg": 30.0,
        "optimiser": "sgd",
        "lr_g": 1e-3,
        "lr_ratio": 1.0,
        "weight_decay": 0.01,
        "batch": 8,
    }
    default_data = "digits_retrieval"
    needs = "queries"
    admits_augmentation = False

    def build(self, arch: RankingArch, form: Form) -> Players:
        features = form.shape[-1]
        return Players(g=Scorer(features, arch.hidden), d=Scorer(features, arch.hidden))

    def draw(self, arch: RankingArch, hp: IRGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        """z (N, 2, documents) in [0, 1): one row for documents that a player picks, one for D's positives."""
        return Draws(z=torch.rand(n, 2, hp.documents, generator=generator, device=generator.device))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: IRGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        y = _relevance(batch)
        with torch.no_grad():
            policy = log_policy(g(batch.x), y, hp.temperature).exp()
            unlabelled = torch.where((y == 0).any(1, keepdim=True), y == 0, y >= 0)  # all documents where each is a positive
            others = torch.where(memo["adversarial"] > 0, policy, uniform(unlabelled))
            picked, positive = choose(others, draws.z[:, 0]), choose(uniform(y > 0), draws.z[:, 1])
        on_real, on_fake = d(taken(batch.x, positive)), d(taken(batch.x, picked))  # (N, documents)
        loss = (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()) / 2
        return loss, {"d_adv": loss, "d_real": on_real, "d_fake": on_fake}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: IRGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        y = _relevance(batch)
        policy = log_policy(g(batch.x), y, hp.temperature)  # (N, M)
        with torch.no_grad():
            reward = 2 * (torch.sigmoid(d(batch.x)) - 0.5)  # (N, M) in [-1, 1]
            if hp.baseline:
                reward = reward - (policy.exp() * reward).sum(1, keepdim=True)
            proposal = torch.lerp(policy.exp(), uniform(y > 0), hp.positive_share)
            picked = choose(proposal, draws.z[:, 0])
        weights = policy.exp().gather(1, picked) / proposal.gather(1, picked)  # its gradient is the weight times that of log p: REINFORCE
        adversarial = -(weights * reward.gather(1, picked)).mean()
        likelihood = -(policy.masked_fill(y < 0, 0) * uniform(y > 0)).sum(1).mean()
        return torch.where(memo["adversarial"] > 0, adversarial, likelihood), {}

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        """Scores of the documents of the queries given."""
        return Samples(x=g(given.x), y=given.y)

    def equilibrium(self, hp: IRGANHparams) -> Equilibrium | None:
        """Of one query, D's halves differ in how documents are drawn, and ln 2 is where both ways agree: the policy is uniform on the
        positives. Held-out queries are asked about all their positives, training ones about those observed, so that a policy
        which memorises these stands at ln 2 in training and below it on held-out queries."""
        return Equilibrium(math.log(2), math.log(2))

    def memo(self, arch: RankingArch, hp: IRGANHparams, form: Form) -> Memo:
        return {"adversarial": torch.tensor(1.0 if hp.pretrain_kimg == 0 else 0.0)}

    def remember(self, memo: Memo, aux: Aux, hp: IRGANHparams, kimg: float) -> None:
        if kimg >= hp.pretrain_kimg:
            memo["adversarial"].fill_(1.0)


def log_policy(scores: Tensor, y: Tensor, temperature: float) -> Tensor:
    """log p(d|q) (N, M), -inf for padding."""
    return torch.log_softmax((scores / temperature).masked_fill(y < 0, -math.inf), 1)


def uniform(among: Tensor) -> Tensor:
    """The same probability for all documents that are `among` (N, M), none for others; all zero where there is none."""
    return among.float() / among.sum(1, keepdim=True).clamp_min(1)


def choose(probabilities: Tensor, u: Tensor) -> Tensor:
    """Documents (N, K) drawn with replacement from `probabilities` (N, M) by their inverse distribution function at u (N, K) in [0, 1).

    A document of probability 0 is never drawn: the comparison is strict, and double precision keeps u times the total below it.
    """
    cumulated = probabilities.double().cumsum(1)
    drawn = torch.searchsorted(cumulated, u.double() * cumulated[:, -1:], right=True)
    return drawn.clamp_max(probabilities.shape[1] - 1)  # NaN has no place in order; it is to show in the loss, not as a bad index


def taken(x: Tensor, documents: Tensor) -> Tensor:
    """Features (N, K, F) of `documents` (N, K)."""
    return x.gather(1, documents[..., None].expand(-1, -1, x.shape[-1]))


def _relevance(batch: Batch) -> Tensor:
    assert batch.y is not None, "queries come with the relevance of their documents"
    return batch.y
