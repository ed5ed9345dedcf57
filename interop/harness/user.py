"""The person at the vault: logs in, decides on the consent page, revokes."""

import threading
from urllib.parse import urlencode, urljoin, urlsplit

from .page import form_with, forms
from .web import Browser


class User:
    def __init__(self, vault_url, passphrase, seen):
        self.vault_url = vault_url
        self.passphrase = passphrase
        self.browser = Browser(seen)
        # one person, one thing at a time
        self.hands = threading.RLock()

    def login(self):
        url = urljoin(self.vault_url, "/login")
        form = form_with(self.browser.get(url).want(200).text, "password")
        fields = form.filled({"password": self.passphrase})
        self.browser.post(urljoin(url, form.action or url), form=fields).want(303)
        if not any(self.browser.cookies.values()):
            raise AssertionError("a login sets no cookie")

    def decide(self, page_url, action, edits=()):
        """Opens the consent page, changes fields, and presses `allow` or `deny`."""
        with self.hands:
            form = form_with(self.page(page_url), "shown")
            fields = {**form.filled(dict(edits)), "action": [action]}
            answer = self.browser.post(urljoin(page_url, form.action or page_url), form=fields)
        return answer.want(200, 303)

    def authorize(self, url, action, edits=()):
        """Follows an app's link to the consent page and decides; where the browser is sent after that."""
        with self.hands:
            answer = self.browser.get(url).want(303)
            page = urljoin(url, answer.headers["location"])
            return self.decide(page, action, edits).want(303).headers["location"]

    def follow(self, url, action, code=None, edits=()):
        """Opens an address that an app showed, as a browser does: types the device code where the page
        asks for one (leaves it as it stands where it is ""), decides, and takes the redirect to the app."""
        with self.hands:
            url, html = self.open(url)
            if code is not None:
                url, html = self.type(url, form_with(html, "user_code"), code)
            form = form_with(html, "shown")
            fields = {**form.filled(dict(edits)), "action": [action]}
            answer = self.browser.post(urljoin(url, form.action or url), form=fields).want(200, 303)
        target = urljoin(url, answer.headers.get("location", ""))
        if answer.status == 303 and urlsplit(target).netloc != urlsplit(self.vault_url).netloc:
            Browser(self.browser.seen).get(target).want(200)
        return target

    def type(self, url, form, code):
        """The page behind a device code."""
        target, fields = urljoin(url, form.action or url), form.filled({"user_code": code} if code else {})
        if form.method == "get":
            return self.open(f"{target.split('?')[0]}?{urlencode(fields, doseq=True)}")
        answer = self.browser.post(target, form=fields).want(200, 302, 303)
        return (target, answer.text) if answer.status == 200 else self.open(urljoin(target, answer.headers["location"]))

    def open(self, url):
        """The page at an address, behind the redirects of the vault."""
        for _ in range(5):
            answer = self.browser.get(url)
            if answer.status not in (302, 303):
                return url, answer.want(200).text
            target = urljoin(url, answer.headers["location"])
            if urlsplit(target).path.endswith("/login"):
                self.login()
            else:
                url = target
        raise AssertionError(f"too many redirects at {url}")

    def revoke(self, grant_id):
        """Presses the button on a grant's page, and once more where the vault asks whether it is meant."""
        with self.hands:
            self._revoke(grant_id, f"/grants/{grant_id}/revoke")

    def _revoke(self, grant_id, path):
        html = self.page(urljoin(self.vault_url, f"/grants/{grant_id}"))
        for _ in range(2):
            form = next((form for form in forms(html) if form.action.endswith(path)), None)
            if form is None:
                raise AssertionError(f"no form for {path} on this page: {html[:800]}")
            answer = self.browser.post(urljoin(self.vault_url, form.action), form=form.filled({}))
            if answer.want(200, 303).status == 303:
                return
            html = answer.text

    def page(self, url):
        answer = self.browser.get(url)
        if answer.status in (302, 303) and "/login" in answer.headers.get("location", ""):
            self.login()
            answer = self.browser.get(url)
        return answer.want(200).text
