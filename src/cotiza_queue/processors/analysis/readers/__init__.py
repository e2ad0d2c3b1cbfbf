"""One module a file format. Each offers ``read(path, unit) -> Part`` and raises InvalidData for a
bad file.
"""
