"""The package on Pyodide, in node, with a binding of JavaScript before the emulator."""
