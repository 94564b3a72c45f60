"""Modules that Pyodide's own distribution has, as far as they are needed."""
