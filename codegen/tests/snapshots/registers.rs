/// Bindings of `lamp`.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The registers of the lamp.
    ///
    /// The registers `control`.
    #[doc(alias = "lamp_control")]
    pub mod control {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block. Its size is 20 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 20;
            const NAME: &'static str = "control";
        }
        /// The command to execute.
        ///
        /// `command`: `le32` at offset 0x00, write-only.
        #[derive(Clone, Copy, Debug)]
        pub struct Command;
        impl ::aerostat_spec::Field for Command {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "command";
        }
        impl ::aerostat_spec::__private::described::Writable for Command {}
        impl ::aerostat_spec::__private::described::Settable for Command {}
        /// `state`: `le32` at offset 0x10, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct State;
        impl ::aerostat_spec::Field for State {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 16;
            const NAME: &'static str = "state";
        }
        impl ::aerostat_spec::__private::described::Readable for State {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Command as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << State as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                < Command as ::aerostat_spec::Field > ::OFFSET + << Command as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                State as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < State as ::aerostat_spec::Field > ::OFFSET + << State as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
}
