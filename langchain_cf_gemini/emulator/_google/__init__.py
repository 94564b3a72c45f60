"""Gemini as the emulator plays it: what it takes, and what it answers."""
