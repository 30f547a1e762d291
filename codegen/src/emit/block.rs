//! Configuration spaces and register blocks: a module with a type for the block and one for each field.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::queues::{any, exists_with, exists_with_any};
use crate::emit::{Target, int, number};
use crate::model::{Access, Block, Field, Order, Type, When};

impl Target {
    /// The module of a block.
    pub(super) fn block(&self, block: &Block, summary: &str) -> TokenStream {
        let (krate, prelude) = (&self.krate, self.prelude());
        let (module, name, len) = (self.ident(&block.name, &block.name.text), &block.name.text, number(block.len));
        let docs = docs(&block.docs, &[summary.to_owned()], &[block.alias.as_deref()]);
        let fields = block.fields.iter().map(|field| self.field(field));
        let space = format!(" The block itself: {} bytes.", block.len);
        let checks = self.block_checks(block);
        quote! {
            #docs
            pub mod #module {
                #prelude

                #[doc = #space]
                #[derive(Debug)]
                pub enum Space {}

                impl #krate::Block for Space {
                    const LEN: usize = #len;
                    const NAME: &'static str = #name;
                }

                #(#fields)*

                #checks
            }
        }
    }

    fn field(&self, field: &Field) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&field.name);
        let docs = docs(&field.docs, &facts(field), &[field.alias.as_deref()]);
        let (text, offset) = (&field.name.text, number(field.offset));
        let wire = self.wire(field.ty);
        let (body, constructors, element) = match (field.ty.len, field.guards.as_slice()) {
            (None, []) => (quote!(;), None, None),
            (None, [guard]) => (quote!({ negotiated: () }), Some(self.given(guard, &field.name)), None),
            (None, guards) => (quote!({ negotiated: () }), Some(self.given_any(guards, &field.name)), None),
            (Some(_), _) => (quote!({ index: usize }), Some(self.elements(field)), Some(self.element_offset())),
        };
        let access = self.access(field);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct #name #body

            #constructors

            impl #krate::Field for #name {
                type Block = Space;
                type Wire = #wire;
                const OFFSET: usize = #offset;
                const NAME: &'static str = #text;

                #element
            }

            #access
        }
    }

    /// The assertions that the widths which the Rust compiler knows lead to the same layout: each field is as wide as
    /// it was taken to be, ends before the next one starts, and the last one ends with the block.
    fn block_checks(&self, block: &Block) -> TokenStream {
        let krate = &self.krate;
        let assertions = quote!(#krate::__private::static_assertions);
        let width = |field: &Field| {
            let name = self.camel(&field.name);
            let times = field.ty.len.map(|len| {
                let len = number(len.into());
                quote!(* #len)
            });
            quote!(<<#name as #krate::Field>::Wire as #krate::Wire>::WIDTH #times)
        };
        let offset = |field: &Field| {
            let name = self.camel(&field.name);
            quote!(<#name as #krate::Field>::OFFSET)
        };
        let widths = block.fields.iter().map(|field| {
            let (width, size) = (width(field), number(field.ty.size()));
            quote!(#assertions::const_assert_eq!(#width, #size);)
        });
        let order = block.fields.windows(2).map(|pair| {
            let (first, next, width) = (offset(&pair[0]), offset(&pair[1]), width(&pair[0]));
            quote!(#assertions::const_assert!(#first + #width <= #next);)
        });
        let end = block.fields.last().map(|last| {
            let (offset, width) = (offset(last), width(last));
            quote!(#assertions::const_assert_eq!(#offset + #width, <Space as #krate::Block>::LEN);)
        });
        quote!(#(#widths)* #(#order)* #end)
    }

    /// How a field is stored.
    fn wire(&self, ty: Type) -> TokenStream {
        let (krate, int) = (&self.krate, int(ty.scalar.int));
        match ty.scalar.order {
            Order::None | Order::Little => quote!(#krate::Le<#int>),
            Order::Native => quote!(#krate::Native<#int>),
        }
    }

    /// The constructors of an array, whose elements are the values of the field.
    fn elements(&self, field: &Field) -> TokenStream {
        let core = {
            let krate = &self.krate;
            quote!(#krate::__private::core)
        };
        let krate = &self.krate;
        let name = self.camel(&field.name);
        let len = number(field.ty.len.unwrap_or(1).into());
        let constructors = match field.guards.as_slice() {
            [] => quote! {
                /// The element at `index`, where the array is that long.
                pub const fn at(index: usize) -> #core::option::Option<Self> {
                    if index < Self::LEN {
                        #core::option::Option::Some(Self { index })
                    } else {
                        #core::option::Option::None
                    }
                }

                /// All elements in order.
                pub fn all() -> [Self; Self::LEN] {
                    #core::array::from_fn(|index| Self { index })
                }
            },
            [guard] => {
                let feature = self.camel(&guard.name);
                let doc = format!(
                    " All elements in order, allowed by the proof that [`{feature}`](super::feature::{feature}) was \
                     negotiated."
                );
                quote! {
                    #[doc = #doc]
                    pub fn given(_proof: #krate::Negotiated<super::feature::#feature>) -> [Self; Self::LEN] {
                        #core::array::from_fn(|index| Self { index })
                    }
                }
            }
            guards => {
                let doc = format!(" All elements in order, allowed by the proof that {} was negotiated.", any(guards));
                quote! {
                    #[doc = #doc]
                    pub fn given<F: #krate::__private::described::Gives<Self>>(
                        _proof: #krate::Negotiated<F>,
                    ) -> [Self; Self::LEN] {
                        #core::array::from_fn(|index| Self { index })
                    }
                }
            }
        };
        let gives = self.gives(&field.guards, &field.name);
        quote! {
            impl #name {
                /// How many elements the array has.
                pub const LEN: usize = #len;

                #constructors

                /// Which element this is, from 0.
                pub const fn index(self) -> usize {
                    self.index
                }
            }

            #gives
        }
    }

    /// Where an element of an array is.
    fn element_offset(&self) -> TokenStream {
        let krate = &self.krate;
        quote! {
            fn offset(self) -> usize {
                // An index is below the length of the array, which ends inside the block.
                <Self as #krate::Field>::OFFSET
                    + self.index * <<Self as #krate::Field>::Wire as #krate::Wire>::WIDTH
            }
        }
    }

    /// What the driver may do to the field.
    fn access(&self, field: &Field) -> TokenStream {
        let (krate, name) = (&self.krate, self.camel(&field.name));
        let Access { read, write } = field.access;
        let readable = read.then(|| quote!(impl #krate::__private::described::Readable for #name {}));
        let writable =
            (write == Some(When::Always)).then(|| quote!(impl #krate::__private::described::Writable for #name {}));
        let settable = write.map(|_| quote!(impl #krate::__private::described::Settable for #name {}));
        quote!(#readable #writable #settable)
    }
}

/// What is known of a field.
fn facts(field: &Field) -> Vec<String> {
    let access = match (field.access.read, field.access.write) {
        (true, None) => "read-only",
        (true, Some(When::Always)) => "read and write",
        (true, Some(When::Setup)) => "read, and write before DRIVER_OK",
        (false, Some(When::Always)) => "write-only",
        (false, Some(When::Setup)) => "write-only, before DRIVER_OK",
        (false, None) => "no access",
    };
    let ty = match field.ty.len {
        Some(len) => format!("[{}; {len}]", field.ty.scalar.name),
        None => field.ty.scalar.name.to_owned(),
    };
    let mut facts = vec![format!("`{}`: `{ty}` at offset {:#04x}, {access}.", field.name.text, field.offset)];
    match field.guards.as_slice() {
        [] => {}
        [guard] => facts.push(exists_with(guard)),
        guards => facts.push(exists_with_any(guards)),
    }
    facts
}
