//! The public macros. Each passes the path of this crate to the procedural macro behind it.

/// Makes bindings from a description that stands right here.
///
/// Each `device` and each `module` of the description becomes a module; [`virtio_spec!`](crate::virtio_spec) does the
/// same for a description in a file, and the modules of this crate are examples of the outcome. The language is
/// documented in `aerostat_codegen::syntax`.
///
/// ```
/// aerostat_spec::virtio_device! {
///     /// Entropy source
///     device entropy = 4 {
///         queues { request = 0 }
///     }
/// }
///
/// use aerostat_spec::{Device, DeviceId};
///
/// assert_eq!(entropy::Device::ID, DeviceId(4));
/// assert_eq!(entropy::Device::QUEUES[0].name, "request");
/// ```
///
/// A mistake is a compile error at the token that is wrong:
///
/// ```compile_fail
/// aerostat_spec::virtio_device! {
///     device entropy = 4 {
///         queues { request = 0 if fast }
///     }
/// }
/// ```
#[macro_export]
macro_rules! virtio_device {
    ($($description:tt)*) => {
        $crate::__private::macros::virtio_device! { [$crate] $($description)* }
    };
}

/// Makes bindings from a description file, whose path is relative to the folder of the crate's `Cargo.toml`.
///
/// ```text
/// aerostat_spec::virtio_spec!("vspec/lamp.vspec");
/// ```
///
/// A change of the file triggers a rebuild. Mistakes in it are reported all at once, each with file, line and column.
/// See [`virtio_device!`](crate::virtio_device) for a description in place.
#[macro_export]
macro_rules! virtio_spec {
    ($($path:tt)*) => {
        $crate::__private::macros::virtio_spec! { [$crate] $($path)* }
    };
}

/// The Rust of the book's chapter on the language runs as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/src/spec-language.md")]
struct Chapter;
