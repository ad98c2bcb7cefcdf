"""Reading a page that was made for people: its elements, in order. What a page means is the adapter's; here it only has to be whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from html.parser import HTMLParser

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, rejected

AS_A_BROWSER: Mapping[str, str] = {"user-agent": "Mozilla/5.0 (compatible; gputicker/0.1; price feed)"}
"""What web pages are asked with: the form that browsers use, and who asks."""
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class Element:
    """One element: its tag, attributes and what stands in it."""

    __slots__ = ("attributes", "children", "classes", "tag")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.classes = attributes.get("class", "").split()
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def all(self, *, tag: str = "", css: str = "") -> "Iterator[Element]":
        """Elements inside it, at any depth and in order, with this tag and this class, where given."""
        ahead = self.children[::-1]
        while ahead:
            child = ahead.pop()
            if isinstance(child, Element):
                if tag in ("", child.tag) and (not css or css in child.classes):
                    yield child
                ahead += reversed(child.children)

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag in VOID:
                yield " "
            elif child.tag not in ("script", "style"):
                yield from child._texts()


def document(page: object) -> Element:
    """The root of a page. Raises PayloadChanged where it is no HTML, or broken off before its end."""
    if not isinstance(page, str) or not page.rstrip().lower().endswith("</html>"):
        raise PayloadChanged("the answer is no whole HTML page", "body", page.encode() if isinstance(page, str) else b"")
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.root


def each(rows: Iterable[Element], read: Callable[[Element], Iterable[Offer]]) -> Iterator[Offer | Rejected]:
    """Every row's offers, or its text as Rejected where `read` raises BadRow."""
    for row in rows:
        try:
            yield from read(row)
        except BadRow as bad:
            yield rejected(row.text, bad)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for number in range(len(self._open) - 1, 0, -1):
            if self._open[number].tag == tag:
                del self._open[number:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
