//! The public macros.
//!
//! The macros that compile descriptions pass the path of this crate to a procedural macro.

/// Generates bindings from a description in Rust source code.
///
/// Each `device` and each `module` of the description becomes a module. The modules of this crate are examples of generated
/// code. `aerostat_codegen::syntax` is the reference of the language. [`virtio_spec!`](crate::virtio_spec!) compiles a
/// description in a file.
///
/// ```
/// aerostat_spec::virtio_device! {
///     /// The entropy device.
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
/// An error in the description is a compile error at the token:
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

/// Generates bindings from a description file. The path is relative to the folder of the crate's `Cargo.toml`.
///
/// ```text
/// aerostat_spec::virtio_spec!("vspec/lamp.vspec");
/// ```
///
/// A change of the file triggers a rebuild. All errors in it are reported at once, each with file, line and column.
/// [`virtio_device!`](crate::virtio_device!) compiles a description in Rust source code.
#[macro_export]
macro_rules! virtio_spec {
    ($($path:tt)*) => {
        $crate::__private::macros::virtio_spec! { [$crate] $($path)* }
    };
}

/// Declares the features that a driver uses, as a unit struct that implements [`FeatureSet`](crate::FeatureSet).
///
/// `for` is followed by the path of the device's module. Each line names a feature by its path and says how much the
/// driver needs it: [`Required`](crate::Required) or [`Optional`](crate::Optional). Neither word has to be imported. A
/// feature without a line is never accepted. The features of the device and the
/// [reserved features](crate::reserved::feature) can be named.
///
/// ```
/// use aerostat_spec::Accepted;
/// use aerostat_spec::balloon::feature::{MustTellHost, StatsVq};
///
/// aerostat_spec::feature_set! {
///     /// The features that this balloon driver uses.
///     pub struct Declared for aerostat_spec::balloon {
///         MustTellHost: Required,
///         StatsVq: Optional,
///         aerostat_spec::reserved::feature::RingPacked: Optional,
///     }
/// }
///
/// // The device offers bits 0 (MUST_TELL_HOST) and 5 (PAGE_REPORTING); the driver uses only the first.
/// // SAFETY: the proofs are not used with a device.
/// let accepted = unsafe { Accepted::<Declared>::negotiate(0b10_0001, u64::MAX) }?;
/// assert_eq!(accepted.bits(), 0b1);
/// # Ok::<(), aerostat_spec::NegotiateError>(())
/// ```
///
/// The struct takes attributes and a visibility. It implements `Clone`, `Copy`, `Debug`, `Default`, `PartialEq` and `Eq`.
/// A feature that is declared twice, or that belongs to another device, is a compile error.
///
/// Another macro can call this one with feature paths that it captured as `path` fragments. The path of the device has
/// to be passed as plain tokens, for instance `$crate::lamp`.
#[macro_export]
macro_rules! feature_set {
    ($(#[$attribute:meta])* $vis:vis struct $name:ident for :: $($device:ident)::+ { $($features:tt)* }) => {
        $crate::feature_set! { @define [$(#[$attribute])* $vis] $name [:: $($device)::+] { $($features)* } }
    };
    ($(#[$attribute:meta])* $vis:vis struct $name:ident for $($device:ident)::+ { $($features:tt)* }) => {
        $crate::feature_set! { @define [$(#[$attribute])* $vis] $name [$($device)::+] { $($features)* } }
    };
    // Other crates with a macro of their own use this form. The paths of the features can then use names that `$scope` brings
    // into scope, which messages print as they are, unlike `$crate`.
    (@define [$($head:tt)*] $name:ident [$($device:tt)*] { $($features:tt)* } $($scope:item)?) => {
        #[derive(
            $crate::__private::core::clone::Clone,
            $crate::__private::core::marker::Copy,
            $crate::__private::core::fmt::Debug,
            $crate::__private::core::default::Default,
            $crate::__private::core::cmp::PartialEq,
            $crate::__private::core::cmp::Eq,
        )]
        $($head)* struct $name;

        const _: () = {
            $($scope)?
            type __Device = <$($device)*::Device as $crate::Device>::Features;
            $crate::feature_set! { @line $name [$crate::__private::AllAbsent] { $($features)* } }
        };
    };

    // Two steps for each line: find the path of the feature; then check the line, and add it to the table so far.
    (@line $name:ident [$($table:tt)*] { :: $($feature:tt)::+ : $requirement:ident $(, $($more:tt)*)? }) => {
        $crate::feature_set! { @add $name [$($table)*] [:: $($feature)::+] $requirement { $($($more)*)? } }
    };
    (@line $name:ident [$($table:tt)*] { $($feature:tt)::+ : $requirement:ident $(, $($more:tt)*)? }) => {
        $crate::feature_set! { @add $name [$($table)*] [$($feature)::+] $requirement { $($($more)*)? } }
    };
    (@line $name:ident [$($table:tt)*] {}) => {
        impl $crate::__private::Declaration for $name {
            type Device = __Device;
            type Reserved = $crate::reserved::Features;
            type Table = $($table)*;
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] Required { $($more:tt)* }) => {
        const _: () = $crate::__private::check_declaration::<__Device, $($table)*, $($feature)*>();
        $crate::feature_set! {
            @line $name [$crate::__private::Set<$($table)*, $($feature)*, $crate::Required>] { $($more)* }
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] Optional { $($more:tt)* }) => {
        const _: () = $crate::__private::check_declaration::<__Device, $($table)*, $($feature)*>();
        $crate::feature_set! {
            @line $name [$crate::__private::Set<$($table)*, $($feature)*, $crate::Optional>] { $($more)* }
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] $other:ident { $($more:tt)* }) => {
        $crate::__private::core::compile_error! { $crate::__private::core::concat!(
            "invalid requirement `",
            $crate::__private::core::stringify!($other),
            "` for the feature `",
            $crate::feature_set! { @last $($feature)* },
            "`: write `Required` or `Optional`",
        ) }
    };
    // The text of the last token of a path.
    (@last $last:tt) => { $crate::__private::core::stringify!($last) };
    (@last $first:tt $($rest:tt)+) => { $crate::feature_set! { @last $($rest)+ } };
}

/// Runs the Rust code in the book's chapter on the language as a doc test.
#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../docs/src/spec-language.md")]
struct Chapter;
