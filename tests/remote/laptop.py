"""`python laptop.py VERB …`: gantune on a laptop whose Ray is the stand-in, and whose temporary folder is LAPTOP_TMP."""

from __future__ import annotations

import os
import tempfile

from laptops import standin

from gantune import cli
from gantune.remote import launcher

tempfile.tempdir = os.environ["LAPTOP_TMP"]
launcher.RAY = list(standin())
cli.main()
