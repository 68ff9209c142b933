"""Telling people: which receivers there are, what each takes, and getting it there in time.

`channels` reads ALERT_URLS, `formats` puts an alert into the words and JSON of each receiver,
`send` delivers to all of them at once through `webhook` and `mail`, never beyond a `deadline`;
`heartbeat` tells a dead man's switch that the monitor ran. Knows nothing of checks and incidents;
may import `errors`, `text` and `types`.
"""
