from __future__ import annotations

from gantune.signals import OBJECTIVES, SIGNALS


def test_every_signal_is_declared_under_its_own_name_with_a_meaning() -> None:
    for name, signal in SIGNALS.items():
        assert signal.name == name
        assert len(signal.doc) > 10


def test_losses_of_the_discriminator_are_no_objective() -> None:
    assert "fid" in OBJECTIVES
    assert not {"d_loss", "d_loss_heldout", "g_loss", "fid_best", "kimg"} & set(OBJECTIVES)
