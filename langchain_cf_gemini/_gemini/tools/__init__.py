"""Tools and the choice among them as Gemini declares them."""
