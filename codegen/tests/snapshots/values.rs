/// Bindings of `lamp`.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The mode of the lamp.
    ///
    /// `mode`: stored as `u8`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Mode {
        /// The lamp is off.
        ///
        /// `off`: 0.
        #[doc(alias = "LAMP_OFF")]
        Off,
        /// `on`: 1.
        On,
        /// `party`: 255.
        Party,
        /// A value that the description does not define.
        Unknown(u8),
    }
    impl Mode {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[Self::Off, Self::On, Self::Party];
        /// Converts a number. Numbers that the description does not define become [`Unknown`](Self::Unknown).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u8) -> Self {
            match raw {
                0 => Self::Off,
                1 => Self::On,
                255 => Self::Party,
                other => Self::Unknown(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u8 {
            match self {
                Self::Off => 0,
                Self::On => 1,
                Self::Party => 255,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for Mode {
        type Repr = u8;
    }
    impl ::aerostat_spec::__private::core::convert::From<Mode> for u64 {
        fn from(value: Mode) -> Self {
            value.to_raw().into()
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
            f.pad(
                match self {
                    Self::Off => "off",
                    Self::On => "on",
                    Self::Party => "party",
                    Self::Unknown(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "unknown ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// What the lamp does next.
    ///
    /// `plan`: stored as `u16`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Plan {
        /// `nothing`: 0.
        Nothing,
        /// The lamp blinks this many times.
        ///
        /// `blink`: all other values.
        Blink(u16),
    }
    impl Plan {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[Self::Nothing];
        /// Converts a number. Numbers that the description does not define become [`Blink`](Self::Blink).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u16) -> Self {
            match raw {
                0 => Self::Nothing,
                other => Self::Blink(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u16 {
            match self {
                Self::Nothing => 0,
                Self::Blink(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for Plan {
        type Repr = u16;
    }
    impl ::aerostat_spec::__private::core::convert::From<Plan> for u64 {
        fn from(value: Plan) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u16> for Plan {
        fn from(raw: u16) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<Plan> for u16 {
        fn from(value: Plan) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for Plan {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::Nothing => "nothing",
                    Self::Blink(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "blink ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// The state of the lamp.
    ///
    /// `state`: a bit field in a `u16`.
    #[::aerostat_spec::__private::bitfield(u16)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct State {
        /// The lamp is too hot.
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
    impl ::aerostat_spec::Represented for State {
        type Repr = u16;
    }
    impl ::aerostat_spec::__private::core::convert::From<State> for u64 {
        fn from(value: State) -> Self {
            value.into_bits().into()
        }
    }
    /// `wide`: a bit field in a `u64`.
    #[::aerostat_spec::__private::bitfield(u64)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct Wide {
        /// `all`: bits 0 to 63.
        #[bits(64)]
        pub all: u64,
    }
    impl ::aerostat_spec::Represented for Wide {
        type Repr = u64;
    }
    /// The number of lamps.
    ///
    /// The constant 0x10.
    pub const COUNT: usize = 16;
}
