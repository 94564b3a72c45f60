"""The rules of strict mode, each with its proof and its source."""
