"""Bytes, sockets and time; knows no JSON shape and imports only the errors."""
