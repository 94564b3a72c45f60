"""The one place in the tests that knows private modules."""
