"""file-analysis: what a part is, whether it can be made, and what it looks like.

``processor`` is the half that runs in the worker and stays light; ``child`` is the door to the half
that reads untrusted files, which runs in a child process only.
"""

from __future__ import annotations

from .processor import AnalyseFile, FileSource

__all__ = ["AnalyseFile", "FileSource"]
