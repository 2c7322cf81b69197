"""An exported model answers over HTTP, on a web page, and beside a PACS. No torch."""
