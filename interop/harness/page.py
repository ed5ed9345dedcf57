"""The forms of a page, filled in as the page shows them."""

from html.parser import HTMLParser


class Form:
    """Where it goes and how, its fields as a browser would send them, and all that could be ticked."""

    def __init__(self, action, method="get"):
        self.action = action
        self.method = method
        self.fields = {}
        self.boxes = {}

    def filled(self, edits):
        """The fields with changes: a value, a list of values, or None for leaving it out."""
        fields = {name: list(values) for name, values in self.fields.items()}
        for name, value in edits.items():
            if name not in self.fields and name not in self.boxes:
                raise AssertionError(f"the page has no field {name}; it has {sorted({*self.fields, *self.boxes})}")
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = list(value) if isinstance(value, (list, tuple)) else [str(value)]
        return fields


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []
        self.select = None

    def handle_starttag(self, tag, attributes):
        at = dict(attributes)
        if tag == "form":
            self.forms.append(Form(at.get("action") or "", (at.get("method") or "get").lower()))
            return
        if not self.forms:
            return
        form = self.forms[-1]
        name = at.get("name")
        if tag == "input" and name and "disabled" not in at:
            kind = at.get("type", "text")
            value = at.get("value", "on" if kind in ("checkbox", "radio") else "")
            if kind in ("checkbox", "radio"):
                form.boxes.setdefault(name, []).append(value)
                if "checked" not in at:
                    return
            if kind not in ("submit", "button", "image", "reset"):
                form.fields.setdefault(name, []).append(value)
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            if "selected" in at or self.select not in form.fields:
                form.fields[self.select] = [at.get("value", "")]

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None


def forms(html):
    """Every form of a page, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def form_with(html, field):
    """The first form that has this field."""
    for form in forms(html):
        if field in form.fields or field in form.boxes:
            return form
    raise AssertionError(f"no form with a field {field} on this page: {html[:800]}")
