"""One file a group of workloads; ``catalogue.py`` names them all."""
