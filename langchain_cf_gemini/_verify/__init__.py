"""The proof against an account; stands above the model and may import everything."""
