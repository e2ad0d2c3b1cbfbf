"""The command line: ``cotiza-worker`` runs jobs, ``cotiza-queue`` looks after them. The only code
that prints.
"""
