"""Types and JSON Schemas as Gemini takes them."""
