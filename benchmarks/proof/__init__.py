"""Acceptance runs: real processes on real servers, figures in plain tables. See docs/proof.md."""
