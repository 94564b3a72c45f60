"""LangChain's messages and settings as the body of a request."""
