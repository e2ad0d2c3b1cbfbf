"""One file a rival, each speaking the protocol of ``protocol.py`` in an environment of its own."""
