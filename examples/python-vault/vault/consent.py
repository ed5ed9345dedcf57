"""The law of consent: granted = asked and approved, never wider (sections 2.7 and 15.2)."""

from .errors import Refusal
from .reading import micros, shown
from .request import MONEY


def grant(asked, choices, models_of):
    """What is granted: for each object that was asked for what the user left of it, None for none.

    A choice is a dict; a member that is missing is as it was asked for. `models_of` tells the models
    of a provider, the first of which is taken where neither app nor user named any.
    """
    if len(choices) != len(asked):
        raise Refusal("invalid_request", "a choice for each object is needed")
    pairs = zip(asked, choices)
    return [_one(one, left, models_of) for one, left in pairs if left is not None]


def _one(asked, left, models_of):
    provider = asked["provider"]
    models = left.get("models") or asked["models"] or list(models_of(provider)[:1])
    if asked["models"]:
        _within(models, asked["models"], "a model")
    elif "*" in models and models != ["*"]:
        raise Refusal("invalid_request", "all models, or some")
    if not models:
        raise Refusal("invalid_request", f"name a model of {provider}")
    capabilities = left.get("capabilities") or asked["capabilities"] or ["chat"]
    if asked["capabilities"]:
        _within(capabilities, asked["capabilities"], "a capability")
    limits = {**asked["limits"], **left.get("limits", {})}
    for name, limit in asked["limits"].items():
        if _size(name, limits[name]) > _size(name, limit):
            raise Refusal("invalid_request", f"{name} is above what was asked for")
    expires = left.get("expires", asked["expires"])
    if expires > asked["expires"]:
        raise Refusal("invalid_request", "the end is after the one that was asked for")
    refused = [model for model in asked["models"] if model not in models]
    return {"provider": provider, "models": models, "capabilities": capabilities,
            "limits": limits, "expires": expires, "models_refused": refused}


def _within(chosen, asked, what):
    if not set(chosen) <= set(asked):
        raise Refusal("invalid_request", f"{what} was not asked for")


def _size(name, limit):
    return micros(limit) if name in MONEY else limit


def on_the_wire(issuer, granted):
    """A granted object as answers have it."""
    refused = granted["models_refused"]
    return {
        "type": "ai_model_access",
        "provider": granted["provider"],
        "models": granted["models"],
        "capabilities": granted["capabilities"],
        "limits": granted["limits"],
        "expires": shown(granted["expires"]),
        "base_url": f"{issuer}/v1/{granted['provider']}",
        "currency": "USD",
        "window": "utc_calendar",
        **({"models_refused": refused} if refused else {}),
    }
