"""Mails: what they say, the links in them, and how they leave."""
