//! The balloon, in any state.

/// A memory balloon in the state `S`: [`Unprobed`](crate::Unprobed), [`Ready`](crate::Ready), [`Split`](crate::Split) or
/// [`Frozen`](crate::Frozen).
///
/// It is a few words in size. Everything else is in private memory that the kernel allocates once, in
/// [`Balloon::new`](Balloon::new).
#[derive(Debug)]
#[must_use = "dropping a balloon resets its device and returns all memory to the kernel"]
pub struct Balloon<S> {
    pub(super) state: S,
}
