"""The command line's commands; stand above the model and may import everything."""
