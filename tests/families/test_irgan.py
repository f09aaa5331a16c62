"""IRGAN's estimates against closed forms on a query small enough to enumerate its documents."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn
from toys import dataset_for, toy_config

from gantune.families.base import Batch, Draws
from gantune.families.irgan import IRGAN, IRGANHparams, choose, log_policy, uniform
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")
FAMILY = IRGAN()
HP = IRGANHparams(temperature=0.5, positive_share=0.4, documents=1)
ADVERSARIAL, PRETRAINING = {"adversarial": torch.tensor(1.0)}, {"adversarial": torch.tensor(0.0)}
Y = torch.tensor([[0, 1, 0, 2, 0, -1]])


class Given(nn.Module):
    """Scores that are parameters, one a document: the document's only feature is its number."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, documents: Tensor) -> Tensor:
        return self.scores[documents[..., 0].long()]


X = torch.arange(6.0)[None, :, None]
BATCH = Batch(X, Y)


def players() -> tuple[Given, Given]:
    return Given([0.3, -0.2, 0.5, 0.1, -0.4, 9.0]), Given([-1.0, 0.8, 0.2, 1.5, -0.3, 9.0])


def proposal(g: Given, share: float) -> Tensor:
    policy = torch.softmax(g.scores[:5] / HP.temperature, 0)
    return ((1 - share) * policy + share * torch.tensor([0, 0.5, 0, 0.5, 0])).detach()


def drawing(probabilities: Tensor, document: int, positive: float = 0.1) -> Draws:
    """Uniforms that draw this document."""
    middle = float(probabilities.cumsum(0)[document] - probabilities[document] / 2)
    return Draws(z=torch.tensor([[[middle], [positive]]]))


@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("baseline", [False, True])
def test_reinforce_is_the_exact_policy_gradient_in_expectation(share: float, baseline: bool) -> None:
    g, d = players()
    hp = dataclasses.replace(HP, positive_share=share, baseline=baseline)
    reward = 2 * torch.sigmoid(d.scores[:5].detach()) - 1
    expected = (torch.softmax(g.scores[:5] / hp.temperature, 0) * reward).sum()
    (exact,) = torch.autograd.grad(-expected, g.scores)

    probabilities, mean = proposal(g, share), torch.zeros(6)
    for document, probability in enumerate(probabilities):
        loss, _ = FAMILY.g_loss(g, d, BATCH, drawing(probabilities, document), hp, ADVERSARIAL)
        mean += probability * torch.autograd.grad(loss, g.scores)[0]
    assert torch.allclose(mean, exact, atol=1e-6)
    assert exact[5] == 0


def test_the_baseline_takes_variance_out_where_d_likes_everything() -> None:
    g, d = players()
    d.scores.data += 3
    spread = {}
    for baseline in (False, True):
        hp = dataclasses.replace(HP, baseline=baseline, documents=4)
        grads = []
        for seed in range(300):
            draws = FAMILY.draw(None, hp, dataset_for("queries").form, 1, torch.Generator().manual_seed(seed))
            grads.append(torch.autograd.grad(FAMILY.g_loss(g, d, BATCH, draws, hp, ADVERSARIAL)[0], g.scores)[0])
        spread[baseline] = float(torch.stack(grads).var(0).sum())
    assert spread[True] < 0.7 * spread[False]


def test_importance_weights_give_the_expected_reward_without_bias() -> None:
    g, d = players()
    hp = dataclasses.replace(HP, baseline=False)
    probabilities = proposal(g, hp.positive_share)
    losses = [FAMILY.g_loss(g, d, BATCH, drawing(probabilities, document), hp, ADVERSARIAL)[0] for document in range(5)]
    estimate = -sum(p * loss for p, loss in zip(probabilities, losses, strict=True))
    policy, reward = torch.softmax(g.scores[:5] / hp.temperature, 0), 2 * torch.sigmoid(d.scores[:5]) - 1
    assert torch.allclose(estimate, (policy * reward).sum())


def test_d_loss_is_the_averaged_bce_of_a_positive_and_a_document_that_the_policy_picks() -> None:
    g, d = players()
    draws = drawing(proposal(g, 0.0), 2, positive=0.7)  # the second of two positives is document 3
    loss, aux = FAMILY.d_loss(g, d, BATCH, draws, HP, ADVERSARIAL)
    bce = (math.log(1 + math.exp(-1.5)) + math.log(1 + math.exp(0.2))) / 2
    assert loss.item() == pytest.approx(bce, rel=1e-6)
    assert (aux["d_real"].item(), aux["d_fake"].item()) == pytest.approx((1.5, 0.2))


def test_while_pretraining_g_minds_likelihood_and_d_meets_unlabelled_documents_alone() -> None:
    g, d = players()
    u = torch.linspace(0, 1 - 2**-24, 50)
    hp = dataclasses.replace(HP, documents=50)
    draws = Draws(z=torch.stack([u, u])[None])
    loss, _ = FAMILY.g_loss(g, d, BATCH, draws, hp, PRETRAINING)
    policy = torch.log_softmax(g.scores[:5] / hp.temperature, 0)
    assert torch.allclose(loss, -(policy[1] + policy[3]) / 2)
    _, aux = FAMILY.d_loss(g, d, BATCH, draws, hp, PRETRAINING)
    assert set(aux["d_fake"].flatten().tolist()) == set(d.scores[[0, 2, 4]].tolist())
    assert set(aux["d_real"].flatten().tolist()) == set(d.scores[[1, 3]].tolist())
    every = Batch(X, torch.ones(1, 6, dtype=torch.int64))  # nothing is unlabelled
    assert len(set(FAMILY.d_loss(g, d, every, draws, hp, PRETRAINING)[1]["d_fake"].flatten().tolist())) == 6


def test_the_flag_is_raised_once_and_travels_with_the_memory() -> None:
    def flag(trainer: Trainer) -> float:
        return float(trainer.memo["adversarial"])

    trainer = Trainer(toy_config("irgan", "queries", pretrain_kimg=0.1), dataset_for("queries"), CPU)
    trainer.train_to(0.08)
    assert flag(trainer) == 0
    trainer.train_to(0.12)
    assert flag(trainer) == 1
    again = Trainer(toy_config("irgan", "queries", pretrain_kimg=0.1), dataset_for("queries"), CPU)
    again.load_state(trainer.state())
    assert flag(again) == 1
    assert flag(Trainer(toy_config("irgan", "queries", pretrain_kimg=0), dataset_for("queries"), CPU)) == 1


def test_a_kimg_is_a_thousand_queries_of_either_player() -> None:
    few, many = (Trainer(toy_config("irgan", "queries", documents=n), dataset_for("queries"), CPU) for n in (1, 20))
    for trainer in (few, many):
        trainer.train_to(0.1)
        assert (trainer.d_steps, trainer.g_steps, trainer.kimg) == (5, 5, 0.1)


def test_padding_is_never_drawn_however_large_its_score() -> None:
    source = torch.Generator().manual_seed(0)
    scores = torch.randn(200, 9, generator=source)
    y = torch.where(torch.rand(200, 9, generator=source) < 0.6, -1, 0)
    y[:, 4] = 1
    scores[y < 0] = 1e6
    edges = torch.tensor([0.0, 1 - 2**-24]).expand(200, 2)  # all that torch.rand can give at either end
    u = torch.cat([edges, torch.rand(200, 50, generator=source)], 1)
    for probabilities in (log_policy(scores, y, 0.1).exp(), uniform(y == 0) + uniform(y > 0), uniform(y > 0)):
        drawn = choose(probabilities, u)
        assert (y.gather(1, drawn) >= 0).all()
        assert (probabilities.gather(1, drawn) > 0).all()


def test_draws_follow_their_probabilities() -> None:
    probabilities = torch.tensor([[0.5, 0.0, 0.2, 0.3]])
    u = (torch.arange(1000) + 0.5)[None] / 1000
    assert torch.bincount(choose(probabilities, u)[0], minlength=4).tolist() == [500, 0, 200, 300]


def test_padding_has_no_part_in_either_loss() -> None:
    padded = Batch(torch.cat([X, 1e3 * torch.ones(1, 3, 1)], 1) % 6, torch.cat([Y, -torch.ones(1, 3, dtype=torch.int64)], 1))
    g, d = players()
    draws = FAMILY.draw(None, dataclasses.replace(HP, documents=30), dataset_for("queries").form, 1, torch.Generator().manual_seed(0))
    for memo in (ADVERSARIAL, PRETRAINING):
        for loss in (FAMILY.d_loss, FAMILY.g_loss):
            assert torch.allclose(loss(g, d, padded, draws, HP, memo)[0], loss(g, d, BATCH, draws, HP, memo)[0])


def test_a_policy_like_the_positives_brings_d_to_ln_2() -> None:
    """G scores positives alike and far above the rest: D, trained against it, is at its equilibrium value on fresh draws."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, 5, generator=source)
    y = (x[..., 0] > 0.5).long()
    y[:, 0] = 1
    hp = IRGANHparams(temperature=1.0, documents=20)
    family, form = IRGAN(), dataset_for("queries").form
    trainer = Trainer(toy_config("irgan", "queries"), dataset_for("queries"), CPU)
    d, optimiser = trainer.d.requires_grad_(True), torch.optim.Adam(trainer.d.parameters(), 1e-2)
    readings = []
    for step in range(150):
        draws = family.draw(None, hp, form, 256, source)
        loss, aux = family.d_loss(lambda documents: 50.0 * (y > 0), d, Batch(x, y), draws, hp, ADVERSARIAL)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        readings += [aux["d_adv"].item()] if step >= 100 else []
    equilibrium = family.equilibrium(hp)
    assert equilibrium is not None
    assert abs(sum(readings) / len(readings) - equilibrium.value) < 0.01


def test_scores_that_are_no_numbers_reach_the_losses() -> None:
    g, d = Given([math.nan] * 6), Given([0.0] * 6)
    draws = FAMILY.draw(None, HP, dataset_for("queries").form, 1, torch.Generator().manual_seed(0))
    FAMILY.d_loss(g, d, BATCH, draws, HP, ADVERSARIAL)
    assert FAMILY.g_loss(g, d, BATCH, draws, HP, ADVERSARIAL)[0].isnan()
