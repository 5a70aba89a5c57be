"""Reports: what was found, put together once (`documents`), then written in any format (`formats`)."""
