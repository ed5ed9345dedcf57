"""What a call to OpenAI means, and what of it may leave (sections 12.3 and 12.4).

A body is refused unless every part of it is known to be safe. Of what is forwarded no byte is
written anew but the members that the rules touch.
"""

import json
import re

from .errors import Refusal
from .reading import is_text, read_json

PREFIXES = (["v1"], ["openai", "v1"])
ROUTES = {"/chat/completions": "chat", "/responses": "chat", "/embeddings": "embeddings"}

_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_REFUSED = set("""
    model_id engine deployment deployment_id models fallbacks fallback_model route provider providers
    preset plugins transforms safety_model
    api_key api_base base_url extra_headers extra_body organization project user_config mcp_servers
    previous_response_id conversation prompt file_id container session_id
    background prediction best_of search_parameters web_search search_settings documents
    compound_custom context_management speed inference_geo
    max_new_tokens max_length max_gen_len max_tokens_to_sample num_predict num_return_sequences
    num_completions num_generations candidate_count options generation_config
""".split())
_TIERS = ("auto", "default", "flex", "on_demand", "standard_only")
_CEILINGS = {"/chat/completions": ("max_completion_tokens", "max_tokens"),
             "/responses": ("max_output_tokens",), "/embeddings": ()}

_TOOLS = ("function", "custom")
_TEXTS = ("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text")
_IMAGES = ("image_url", "input_image")
_ITEMS = ("message", "reasoning", "function_call", "function_call_output", "custom_tool_call",
          "custom_tool_call_output")


class Call:
    """A body that was read and found safe; `images` tells whether it needs `vision`."""

    def __init__(self, route, raw):
        self.route, self.images = route, False
        self.body = read_json(raw, 100)
        if not isinstance(self.body, dict):
            raise Refusal("invalid_request", "the body is not an object")
        self.text = raw.decode()
        self.model = self.body.get("model")
        if not is_text(self.model):
            raise Refusal("invalid_request", "model is not one string")
        self.stream = self.body.get("stream") is True
        self._members()
        if route == "/chat/completions":
            for message in _objects(self.body.get("messages", []), "messages"):
                _known(message)
                self._content(message.get("content"))
        elif route == "/responses":
            self._input(self.body.get("input"))
        counts = [_count(self.body, name) for name in _CEILINGS[route]]
        self.ceiling = next((count for count in counts if count is not None), None)
        self.answers = _count(self.body, "n") or 1

    def capabilities(self):
        """What a grant has to have."""
        return [ROUTES[self.route], *(["vision"] if self.images else [])]

    # -- what is refused

    def _members(self):
        for name, value in _known(self.body).items():
            if value is None:
                continue
            if name in _REFUSED or (name == "service_tier" and value not in _TIERS):
                raise Refusal("unsupported_parameter", f"{name} is not supported through this vault")
        if any(self.body.get(name) for name in ("web_search_options", "audio")):
            raise Refusal("capability_not_allowed", "only text and images are opened here")
        if any(kind != "text" for kind in self.body.get("modalities") or []):
            raise Refusal("capability_not_allowed", "only text comes back here")
        for tool in _objects(self.body.get("tools") or [], "tools"):
            self._tool(tool)
        choice = self.body.get("tool_choice")
        if isinstance(choice, dict):
            self._tool(choice, "allowed_tools")

    def _tool(self, tool, *more):
        if _known(tool).get("type") not in (*_TOOLS, *more):
            raise Refusal("capability_not_allowed", "tools that the provider runs are not allowed")

    def _input(self, said):
        if is_text(said):
            return
        for item in _objects(said, "input"):
            kind = _known(item).get("type", "message")
            if kind == "item_reference":
                raise Refusal("unsupported_parameter", "references to stored items are not supported")
            if kind not in _ITEMS:
                raise Refusal("capability_not_allowed", "an input item of a kind that is not granted")
            for member in ("content", "output", "summary"):
                self._content(item.get(member))

    def _content(self, said):
        if said is None or is_text(said):
            return
        for part in _objects(said, "content"):
            kind = _known(part).get("type")
            if part.get("file_id") is not None:
                raise Refusal("unsupported_parameter", "stored files are not supported")
            if kind in _IMAGES:
                self.images = True
                _image(part.get("image_url"))
            elif kind not in _TEXTS:
                raise Refusal("capability_not_allowed", "content of a kind that is not granted")

    # -- what leaves

    def forwarded(self, ceiling):
        """The bytes that leave: nothing is stored, streams tell their usage, output is bounded."""
        text = self.text
        if self.route == "/responses" or self.body.get("store") is not None:
            text = put(text, "store", "false")
        if self.stream and self.route == "/chat/completions":
            options = self.body.get("stream_options")
            if options is None:
                text = put(text, "stream_options", '{"include_usage":true}')
            else:
                text = put(text, "include_usage", "true", below="stream_options")
        if ceiling is not None and _CEILINGS[self.route]:
            text = put(text, _CEILINGS[self.route][0], str(ceiling))
        return text.encode()

    def shows_usage(self):
        """Whether the app itself asked for the chunk with usage."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def route(segments):
    """The path behind `base_url` as the table has it, without version prefixes and `//`."""
    segments = [segment for segment in segments if segment]
    while any(segments[:len(prefix)] == prefix for prefix in PREFIXES):
        segments = segments[1 if segments[0] == "v1" else 2:]
    return "/" + "/".join(segments)


def _known(found):
    for name in found:
        if not _NAME.fullmatch(name):
            raise Refusal("unsupported_parameter", "a member name has other characters than a-z0-9_")
    return found


def _objects(said, what):
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise Refusal("invalid_request", f"{what} is not a list of objects")
    return said


def _count(body, name):
    said = body.get(name)
    if said is None:
        return None
    if is_text(said) or not isinstance(said, str) or not said.isdecimal() or len(said) > 10:
        raise Refusal("invalid_request", f"{name} is not a whole number")
    return int(said)


def _image(said):
    address = said.get("url") if isinstance(said, dict) else said
    form = r"https?://.+|data:image/[a-z0-9.+-]+;base64,[A-Za-z0-9+/_=-]*"
    if not is_text(address) or not re.fullmatch(form, address, re.ASCII | re.IGNORECASE):
        raise Refusal("invalid_request", "an image is http, https or a base64 data: URL of an image")


# -- members changed in place

_SPACE = re.compile(r"[ \t\n\r]*")
_READER = json.JSONDecoder()


def put(text, name, value, below=None):
    """The text of an object with one member set, and all else as it was.

    With `below` the member is set in the object that this member holds.
    """
    if below is not None:
        begin, end = _places(text)[below]
        if text[begin] != "{":
            raise Refusal("invalid_request", f"{below} is not an object")
        return text[:begin] + put(text[begin:end], name, value) + text[end:]
    places = _places(text)
    if name in places:
        begin, end = places[name]
        return text[:begin] + value + text[end:]
    begin = text.index("{") + 1
    comma = "," if places else ""
    return f'{text[:begin]}"{name}":{value}{comma}{text[begin:]}'


def _places(text):
    """Where the value of each member of an object stands. The text was read before, and is JSON."""
    at, found = _skip(text, text.index("{") + 1), {}
    while text[at] != "}":
        name, at = _READER.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _READER.raw_decode(text, begin)
        found[name] = (begin, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text, at):
    return _SPACE.match(text, at).end()
