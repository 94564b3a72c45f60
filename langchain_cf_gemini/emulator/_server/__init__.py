"""The emulator's sockets: a thread, its routes, and how answers are sent."""
