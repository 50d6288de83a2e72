"""One file about one clip and one model: what is known, put together as a page to keep."""
