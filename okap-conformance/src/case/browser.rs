//! The user's browser: keeps cookies, follows redirects within the vault, fills in forms.

use super::{Case, page::Form, page::Page};
use crate::{
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// Most redirects in a row, and most pages that are looked through.
const STEPS: usize = 8;
const PAGES: usize = 1_000;

/// Words of buttons, in English: a vault with other words has values in English.
pub const ALLOW: &[&str] = &["allow", "approve", "accept", "grant access"];
/// As [`ALLOW`].
pub const DENY: &[&str] = &["deny", "reject", "refuse"];
/// As [`ALLOW`].
pub const REVOKE: &[&str] = &["revoke", "confirm", "yes"];

/// A browser of the user.
pub struct Browser<'a> {
    case: &'a Case,
    cookies: Vec<(String, String)>,
}

impl Case {
    /// A browser that was never at this vault.
    #[must_use]
    pub fn browser(&self) -> Browser<'_> {
        Browser { case: self, cookies: Vec::new() }
    }

    /// A browser in which the user has signed in on the way to a page.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where that does not work.
    pub async fn signed_in(&self, page: &str) -> Result<(Browser<'_>, Page), Stop> {
        let mut browser = self.browser();
        let came = browser.sign_in(page).await;
        let (_, shown) = prerequisite("the user cannot sign in", came)?;
        Ok((browser, shown))
    }
}

impl Browser<'_> {
    /// Opens an address.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn open(&mut self, url: &str) -> Result<Page, Stop> {
        self.follow(Call::get(url)).await
    }

    /// Signs in where a page leads; the answer to the password, and the page that was wanted.
    ///
    /// # Errors
    /// [`Stop::Untestable`] without a password or a form for it.
    pub async fn sign_in(&mut self, url: &str) -> Result<(Reply, Page), Stop> {
        let Some(password) = self.case.stage.target.consent.password.clone() else {
            return Err(Stop::Untestable("[consent] has no password to sign in with".to_owned()));
        };
        let page = self.open(url).await?;
        let form = page.forms.iter().find(|form| form.password.is_some());
        let no_form = || Stop::Untestable(format!("no form for a password at {}", page.url));
        let mut form = form.ok_or_else(no_form)?.clone();
        form.fields.extend(form.password.clone().map(|name| (name, password)));
        let reply = self.case.send(self.call(&page, &form, None)).await?;
        self.keep(&reply);
        let shown = self.open(url).await?;
        Ok((reply, shown))
    }

    /// Presses a button; the answer itself, unfollowed.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the form has no such button.
    pub async fn press(&mut self, page: &Page, form: &Form, words: &[&str]) -> Result<Reply, Stop> {
        let Some(button) = form.button(words) else {
            return Err(Stop::Untestable(format!("no button {words:?} at {}", page.url)));
        };
        let reply = self.case.send(self.call(page, form, button.field.as_ref())).await?;
        self.keep(&reply);
        Ok(reply)
    }

    /// Looks through the vault's own pages, from its address on, for one that is wanted.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn find(&mut self, wanted: impl Fn(&Page) -> bool) -> Result<Page, Stop> {
        let mut seen = vec![format!("{}/", self.case.issuer())];
        let mut at = 0;
        while let Some(url) = seen.get(at).cloned() {
            let page = self.open(&url).await?;
            if wanted(&page) {
                return Ok(page);
            }
            // newer pages come first on lists
            for link in &page.links {
                if let Some(link) = self.within(&page.url, link)
                    && !seen.contains(&link)
                    && seen.len() < PAGES
                {
                    seen.push(link);
                }
            }
            at += 1;
        }
        Err(Stop::Untestable(format!("not on any of {at} pages of the vault")))
    }

    /// The request of a form, as a browser sends it.
    #[must_use]
    pub fn call(&self, page: &Page, form: &Form, button: Option<&(String, String)>) -> Call {
        let fields: Vec<_> = form.fields.iter().chain(button).collect();
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let to = self.within(&page.url, &form.action).unwrap_or_else(|| page.url.clone());
        let origin = url::Url::parse(&page.url).map(|url| url.origin().ascii_serialization());
        self.dressed(Call::post(to))
            .header("origin", origin.unwrap_or_default())
            .header("sec-fetch-site", "same-origin")
            .form(&fields)
    }

    /// With the cookies.
    #[must_use]
    pub fn dressed(&self, call: Call) -> Call {
        let cookies: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        match cookies.is_empty() {
            true => call,
            false => call.header("cookie", cookies.join("; ")),
        }
    }

    /// The names of the cookies.
    #[must_use]
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.iter().map(|(name, _)| name.clone()).collect()
    }

    async fn follow(&mut self, mut call: Call) -> Result<Page, Stop> {
        for _ in 0..STEPS {
            let url = call.url.clone();
            let reply = self.case.send(self.dressed(call)).await?;
            self.keep(&reply);
            let to = reply.header("location").filter(|_| (300..400).contains(&reply.status));
            match to.and_then(|to| self.within(&url, to)) {
                Some(to) => call = Call::get(to),
                None => return Ok(Page::read(url, reply)),
            }
        }
        Err(Stop::Untestable("more redirects than a browser follows".to_owned()))
    }

    fn keep(&mut self, reply: &Reply) {
        for (_, line) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            if let Some((name, value)) = line.split(';').next().and_then(|one| one.split_once('='))
            {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The address that a link means, if it is one of the vault's.
    fn within(&self, from: &str, link: &str) -> Option<String> {
        let from = url::Url::parse(from).ok()?;
        let mut to = from.join(link).ok().filter(|to| to.origin() == from.origin())?;
        to.set_fragment(None);
        Some(to.into())
    }
}
