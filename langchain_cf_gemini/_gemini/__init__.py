"""Google's generateContent as data: pure; imports no other wing."""
