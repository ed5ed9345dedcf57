use super::{Ask, Code, Moment, Part, subset};

pub(super) fn parent_of<'a>(part: &Part, parents: &'a [Part]) -> &'a Part {
    let holds =
        |parent: &&Part| parent.provider == part.provider && subset(part.models, parent.models);
    parents.iter().find(holds).unwrap()
}

/// Whether everything that `part` allows is allowed by `wider`.
pub(crate) fn within(part: &Part, wider: &Part) -> bool {
    part.provider == wider.provider
        && subset(part.models, wider.models)
        && subset(part.capabilities, wider.capabilities)
        && part.end <= wider.end
        && part
            .caps
            .iter()
            .zip(&wider.caps)
            .all(|(cap, most)| most.is_none_or(|most| cap.is_some_and(|cap| cap <= most)))
}

/// Each wish falls under the one part of its provider that holds all its models; what it leaves
/// out is inherited, what it names is less or equal, and no two share a model.
pub(super) fn narrowed(parts: &[Part], wish: &[Ask], now: Moment) -> Result<Vec<Part>, Code> {
    const WIDER: Code = "invalid_authorization_details";
    let mut narrowed: Vec<Part> = Vec::new();
    for ask in wish {
        let of_provider = parts.iter().filter(|part| part.provider == ask.provider);
        let holding: Vec<_> = of_provider.filter(|part| subset(ask.models, part.models)).collect();
        let [parent] = holding.as_slice() else { return Err(WIDER) };
        let end = ask.end.unwrap_or(parent.end);
        let lower = ask
            .caps
            .iter()
            .zip(&parent.caps)
            .all(|(ask, most)| ask.is_none_or(|ask| most.is_none_or(|most| ask <= most)));
        if !subset(ask.capabilities, parent.capabilities)
            || !lower
            || end > parent.end
            || end <= now
        {
            return Err(WIDER);
        }
        let part = Part {
            models: if ask.models == 0 { parent.models } else { ask.models },
            capabilities: match ask.capabilities {
                0 => parent.capabilities,
                named => named,
            },
            caps: std::array::from_fn(|at| ask.caps[at].or(parent.caps[at])),
            end,
            ..(*parent).clone()
        };
        let shared = narrowed
            .iter()
            .any(|other| other.provider == part.provider && other.models & part.models != 0);
        if shared {
            return Err(WIDER);
        }
        narrowed.push(part);
    }
    Ok(narrowed)
}
