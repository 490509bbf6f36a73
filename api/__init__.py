"""The HTTP face of Occam: it validates, stores, reads and streams; it never trains."""
