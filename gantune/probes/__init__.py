"""Analyses of a trained run: how good a discriminator can get, what D sees, what z means, what was memorised."""
