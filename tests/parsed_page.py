"""A page of HTML as the tests look at it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, and the text that is seen, of a page whose tags must match."""

    VOID = ("meta", "!doctype")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.seen = [], [], []
        self.feed(html)
        assert not self.open
        self.text = " ".join(" ".join(self.seen).split())

    def handle_data(self, data):
        if "style" not in self.open:
            self.seen.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
