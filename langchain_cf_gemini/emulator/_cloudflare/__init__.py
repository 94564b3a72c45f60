"""Cloudflare as the emulator plays it: doors, gateway, API, refusals."""
