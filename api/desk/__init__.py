"""The desk: server-rendered pages where staff work."""
