"""Our monitor beside Evidently and NannyML, on the same days of real messages."""
