"""Reading an XML answer. What it means is the adapter's; here it only has to be whole, of the documented root, and without a DTD.

The standard library's parser fetches nothing; entities, the other way in which a document can do harm, need a DTD, and none is let in.
Names are compared without their namespace.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, ParseError, XMLParser

from adapters.errors import PayloadChanged


def document(body: object, root: str) -> Element:
    """The root element, names without namespaces. Raises PayloadChanged: no text, no whole XML, with a DTD, or another root."""
    if not isinstance(body, str):
        raise PayloadChanged("the answer is no text", "body")
    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise PayloadChanged("the answer is XML with a DTD", "body", body.encode())
    parser = XMLParser()  # noqa: S314 - without a DTD there are no entities
    try:
        parser.feed(body)
        found = parser.close()
    except (ParseError, ValueError) as error:
        raise PayloadChanged(f"the answer is no whole XML ({error})", "body", body.encode()) from error
    for element in found.iter():
        element.tag = element.tag.rpartition("}")[2]
    if found.tag != root:
        raise PayloadChanged(f"the answer is <{found.tag[:60]}> where <{root}> is documented", root, body.encode())
    return found


def children(parent: Element, within: str, tag: str) -> Sequence[Element]:
    """The elements in the one element `within`, all of which are `tag`. Raises PayloadChanged."""
    found = parent.findall(within)
    if len(found) != 1:
        raise PayloadChanged(f"{within!r} stands {len(found)} times where once is documented", within)
    other = next((child.tag for child in found[0] if child.tag != tag), None)
    if other is not None:
        raise PayloadChanged(f"{within!r} holds <{other[:60]}> where <{tag}> is documented", within)
    return list(found[0])


def fields(element: Element) -> dict[str, str]:
    """Name and text of the elements in it. Raises PayloadChanged where one stands twice."""
    found = {child.tag: (child.text or "").strip() for child in element}
    if len(found) != len(element):
        raise PayloadChanged(f"<{element.tag}> says one thing twice", element.tag)
    return found


def child_text(parent: Element, tag: str) -> str:
    """The text of the one element of that name; empty where it is missing or empty. Raises PayloadChanged where there are more."""
    found = parent.findall(tag)
    if len(found) > 1:
        raise PayloadChanged(f"{tag!r} stands {len(found)} times where once is documented", tag)
    return (found[0].text or "").strip() if found else ""
