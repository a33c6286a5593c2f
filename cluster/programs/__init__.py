"""The programs of a native cluster: their command lines, files and certificates."""
