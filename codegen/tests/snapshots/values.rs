/// Bindings of `lamp`.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// What the lamp does.
    ///
    /// `mode`: stored as `u8`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Mode {
        /// It is dark.
        ///
        /// `off`: 0.
        #[doc(alias = "LAMP_OFF")]
        Off,
        /// `on`: 1.
        On,
        /// `party`: 255.
        Party,
        /// A number that the description does not know.
        Unknown(u8),
    }
    impl Mode {
        /// All values that the description knows, in its order.
        pub const ALL: &'static [Self] = &[Self::Off, Self::On, Self::Party];
        /// The value of a number. [`Unknown`](Self::Unknown) only where the description does not know it.
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u8) -> Self {
            match raw {
                0 => Self::Off,
                1 => Self::On,
                255 => Self::Party,
                unknown => Self::Unknown(unknown),
            }
        }
        /// The number of the value.
        pub const fn to_raw(self) -> u8 {
            match self {
                Self::Off => 0,
                Self::On => 1,
                Self::Party => 255,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u8> for Mode {
        fn from(raw: u8) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<Mode> for u8 {
        fn from(value: Mode) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for Mode {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            match self {
                Self::Off => f.pad("off"),
                Self::On => f.pad("on"),
                Self::Party => f.pad("party"),
                Self::Unknown(raw) => {
                    ::aerostat_spec::__private::core::write!(f, "unknown ({raw})")
                }
            }
        }
    }
    /// How the lamp is.
    ///
    /// `state`: bits of a `u16`.
    #[::aerostat_spec::__private::bitfield(u16)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct State {
        /// Too hot.
        ///
        /// `hot`: bit 0.
        pub hot: bool,
        #[bits(3)]
        __: u16,
        /// `level`: bits 4 to 11.
        #[doc(alias = "LAMP_LEVEL")]
        #[bits(8)]
        pub level: u8,
        #[bits(3)]
        __: u16,
        /// `broken`: bit 15.
        pub broken: bool,
    }
    /// `wide`: bits of a `u64`.
    #[::aerostat_spec::__private::bitfield(u64)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct Wide {
        /// `all`: bits 0 to 63.
        #[bits(64)]
        pub all: u64,
    }
    /// How many there are.
    ///
    /// The constant 0x10.
    pub const COUNT: usize = 16;
}
