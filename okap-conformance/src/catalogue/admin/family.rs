//! What was handed on, where the user looks at grants.

use crate::{
    case::{Case, Page},
    catalogue::Test,
    outcome::{Outcome, Stop, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "admin.family.below",
    rev: 2,
    title: "the user finds what was handed on below the grant that it is from, by its name",
    profile: Profile::Admin,
    verifies: &["OKAP-R-223"],
    needs: &[],
    twin: None,
    threat: Some("stolen-token"),
    run: |case| Box::pin(below(case)),
}];

async fn below(case: &Case) -> Outcome {
    case.hands_on().await?;
    let (mine, other) = (case.ask(), case.ask());
    let (parent, beside) = (case.grant(&mine).await?, case.grant(&other).await?);
    let [one, two, later, strange] = std::array::from_fn(|_| case.nonce());
    case.named_child(&parent, &one).await?;
    case.named_child(&beside, &strange).await?;
    case.named_child(&parent, &two).await?;

    let (mut browser, _) = case.signed_in(&format!("{}/", case.issuer())).await?;
    // the page of a child may name its parent, and has no other child
    let all = |page: &Page| [&mine.correlation, &one, &two].iter().all(|name| page.shows(name));
    let page = browser.find(all).await.map_err(missed)?;
    let parents = [mine.correlation.as_str(), other.correlation.as_str()];
    for child in [&one, &two] {
        stands(&page, child, parents)?;
    }
    // the other has its own below it, where both are on the page
    if page.shows(&other.correlation) && page.shows(&strange) {
        let [own, beside] = parents;
        stands(&page, &strange, [beside, own])?;
    }
    case.named_child(&parent, &later).await?;
    let after = browser.open(&page.url).await?;
    stands(&after, &later, parents)?;
    Witness::of_change("OKAP-R-223", &page.reply, &after.reply)
}

/// That the vault has no such page is what is tested.
fn missed(stop: Stop) -> Stop {
    match stop {
        Stop::Untestable(why) => {
            let expected = "a page with a grant and the names of what was handed on from it";
            Stop::failed("OKAP-R-223", expected, why)
        }
        other => other,
    }
}

/// Fails where the parent that stands last before a child is not the first of these.
fn stands(page: &Page, child: &str, parents: [&str; 2]) -> Result<(), Stop> {
    let html = page.html();
    let before = html.split(child).next().unwrap_or_default();
    let [own, other] = parents.map(|parent| before.rfind(parent));
    let shown = page.shows(child) && own.is_some() && own > other;
    page.reply.ensure("OKAP-R-223", shown, format!("{child} below {}", parents[0]))
}
