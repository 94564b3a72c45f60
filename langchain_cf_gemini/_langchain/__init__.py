"""What LangChain asks for beside the class; may import the three wings below."""
