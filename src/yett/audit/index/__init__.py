"""Which records may fit a question, without reading them all. A help that is believed nothing: what is
shown is read from the log and judged again, and an index that is away, old or damaged is made anew."""
