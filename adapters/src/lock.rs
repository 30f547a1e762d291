//! Access to an allocator behind a lock of the kernel.

/// Calls `f` with the value behind `lock`. Returns `None` if `lock` does not call its argument.
pub(crate) fn with<T, R>(lock: &impl Fn(&mut dyn FnMut(&mut T)), f: impl FnOnce(&mut T) -> R) -> Option<R> {
    let mut f = Some(f);
    let mut result = None;
    lock(&mut |value| {
        if let Some(f) = f.take() {
            result = Some(f(value));
        }
    });
    result
}
