"""Two endpoints of Cloudflare and what wraps their answers; may import `_http`."""
