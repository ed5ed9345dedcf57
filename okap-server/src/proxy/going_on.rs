use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::runtime::Handle;

/// Goes on with what was begun, also where nobody waits for it any more: an app that hangs up leaves
/// a call that has to be settled.
pub(super) struct GoingOn<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> GoingOn<T> {
    pub(super) fn new(going: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(going)))
    }
}

impl<T: Send + 'static> Future for GoingOn<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(going) = &mut self.0 else { return Poll::Pending };
        let done = ready!(going.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for GoingOn<T> {
    fn drop(&mut self) {
        if let Some(going) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(going);
        }
    }
}
