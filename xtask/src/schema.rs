//! Writes `spec/schema/` from the wire types of okap-types.

use anyhow::Result;

use crate::generated;

/// Writes one file for each wire type, or with `check` only compares.
///
/// # Errors
/// Those of [`generated::write`].
pub(crate) fn write(check: bool) -> Result<()> {
    let wanted = okap_types::schema::all()
        .into_iter()
        .map(|(name, schema)| (format!("{name}.json"), format!("{schema:#}\n")))
        .collect();
    generated::write("spec/schema", "json", &wanted, "schema", check)
}
