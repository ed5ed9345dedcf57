"""The text of the pages. Whatever an app said is escaped, and set apart as its words."""

from html import escape

from .metadata import CAPABILITIES
from .reading import shown
from .request import COUNTS, MONEY

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
fieldset, blockquote { margin: 1rem 0; padding: .5rem 1rem; border: 1px solid #999 }
label { display: block } code { font-size: 1.2rem } .warn { font-weight: bold }
"""
_WINDOWS = {
    "monthly_spend": "USD in a UTC calendar month",
    "daily_spend": "USD in a UTC day",
    "requests_per_minute": "requests in any 60 seconds",
    "requests_per_day": "requests in a UTC day",
    "tokens_per_request": "tokens in one call, prompt and answer together",
}


def _frame(title, body):
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
            f"<h1>{title}</h1>{body}</html>")


def _hidden(**values):
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">'
                   for name, value in values.items())


def note(said):
    """A page with one sentence."""
    return _frame("Vault", f'<p>{escape(said)}</p><p><a href="/">All access</a></p>')


def sign_in(to):
    """Asks for the password."""
    return _frame("Sign in", (
        f'<form method="post" action="/okap/sign-in">{_hidden(to=to)}'
        '<label>Password <input type="password" name="password" required></label>'
        "<button>Sign in</button></form>"))


def _app(app):
    name, url = escape(app["name"] or "without a name"), escape(app["url"])
    return f"<blockquote>calls itself: <strong>{name}</strong> {url}</blockquote>"


def home(waiting, grants, now, csrf):
    """What waits, and the grants."""
    asks = "".join(
        f'<li><a href="/okap/consent/{one["id"]}">A request</a>{_app(one["app"])}'
        for one in waiting)
    rows = "".join(_grant(one, now, csrf) for one in grants)
    return _frame("Vault", f"<h2>Waiting</h2><ul>{asks or '<li>nothing'}</ul>"
                           f"<h2>Access</h2>{rows or '<p>none</p>'}")


def _grant(grant, now, csrf):
    status = "revoked" if grant["revoked"] else "expired" if grant["ends"] <= now else "active"
    objects = "".join(
        f"<li>{escape(one['provider'])}: {escape(', '.join(one['models']))}, "
        f"{escape(', '.join(one['capabilities']))}, until {shown(one['expires'])}"
        for one in grant["objects"])
    button = (f'<form method="post" action="/okap/revoke-grant">'
              f'{_hidden(csrf=csrf, grant=grant["id"])}<button>Revoke</button></form>')
    return f"{_app(grant['app'])}<p>{status}<ul>{objects}</ul>{button if status == 'active' else ''}"


def consent(question, models_of, shown_hash, csrf):
    """Asks for a decision; to deny comes first, so that the Enter key never allows."""
    objects = "".join(_object(at, one, models_of) for at, one in enumerate(question["asked"]))
    return _frame("An unverified app asks for access", (
        f"{_app(question['app'])}<p>Compare the code: the app shows the same.</p>"
        f"<p><code>{question['code']}</code></p>"
        f'<form method="post" action="/okap/consent/{question["id"]}">'
        f"{_hidden(csrf=csrf, shown=shown_hash)}"
        f'<button name="decision" value="deny">Deny</button>{objects}'
        '<button name="decision" value="allow">Allow what is ticked</button></form>'))


def _object(at, asked, models_of):
    provider = escape(asked["provider"])
    reason = f"<blockquote>says: {escape(asked['reason'])}</blockquote>" if asked["reason"] else ""
    if asked["models"]:
        models = _boxes(at, "models", asked["models"], True)
    else:
        models = _boxes(at, "models", [*models_of(asked["provider"]), "*"], False)
    capabilities = asked["capabilities"] or CAPABILITIES
    boxes = _boxes(at, "capabilities", capabilities, bool(asked["capabilities"]))
    limits = "".join(_limit(at, name, asked["limits"].get(name)) for name in (*MONEY, *COUNTS))
    free = not any(name in asked["limits"] for name in MONEY)
    warning = '<p class="warn">There is no limit on money.</p>' if free else (
        '<p class="warn">This vault knows no prices: under a limit on money it lets no call '
        "through.</p>")
    return (f'<fieldset><legend><label><input type="checkbox" name="{at}.granted" checked> {provider}'
            f"</label></legend>{reason}<h3>Models</h3>{models}<h3>May do</h3>{boxes}"
            f"<h3>Limits</h3>{warning}{limits}"
            f'<label>Ends <input name="{at}.expires" value="{shown(asked["expires"])}" size="24">'
            "</label></fieldset>")


def _boxes(at, what, names, checked):
    mark = " checked" if checked else ""
    return "".join(
        f'<label><input type="checkbox" name="{at}.{what}.{n}" value="{escape(name)}"{mark}> '
        f"{'all models' if name == '*' else escape(name)}</label>" for n, name in enumerate(names))


def _limit(at, name, limit):
    return (f'<label><input name="{at}.{name}" value="{"" if limit is None else limit}" size="10"> '
            f"{_WINDOWS[name]}</label>")
