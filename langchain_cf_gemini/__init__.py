"""ChatCloudflareGemini: Google's Gemini models through Cloudflare, for LangChain."""
