use okap_types::{ModelAccess, access::check_details};

use crate::Error;

/// What an app asks for: 1 to 16 details objects.
///
/// Two objects of one provider name different models; at most one of them leaves the models to
/// the user.
///
/// ```
/// use okap_client::{Ask, ModelAccess, Provider};
/// let one: Ask = ModelAccess::new(Provider::OpenAi).into();
/// let two: Ask = [ModelAccess::new(Provider::OpenAi), ModelAccess::new(Provider::Groq)].into();
/// assert_eq!((one.access().len(), two.access().len()), (1, 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask(Vec<ModelAccess>);

impl Ask {
    /// The objects asked for.
    #[must_use]
    pub fn access(&self) -> &[ModelAccess] {
        &self.0
    }

    /// Finds out here what the vault would refuse anyway.
    pub(crate) fn check(self) -> Result<Self, Error> {
        check_details(&self.0).map_err(Error::ask)?;
        Ok(self)
    }
}

impl From<ModelAccess> for Ask {
    fn from(access: ModelAccess) -> Self {
        Self(vec![access])
    }
}

impl From<Vec<ModelAccess>> for Ask {
    fn from(access: Vec<ModelAccess>) -> Self {
        Self(access)
    }
}

impl<const N: usize> From<[ModelAccess; N]> for Ask {
    fn from(access: [ModelAccess; N]) -> Self {
        Self(access.into())
    }
}
