"""The payloads of an answer as LangChain's messages."""
