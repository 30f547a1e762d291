//! Configuration spaces and register blocks: a module with a type for the block and a type for each field.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::conditions::{any, exists_with, exists_with_any};
use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Access, Block, Condition, Element, Field, Order, Scalar, Type, When};

impl Target {
    /// Emits the module of a block.
    pub(super) fn block(&self, block: &Block, summary: &str) -> TokenStream {
        let (krate, prelude) = (&self.krate, self.prelude());
        let (module, name, len) = (self.ident(&block.name, &block.name.text), &block.name.text, number(block.len));
        let docs = docs(&block.docs, &[summary.to_owned()], &block.alias);
        let fields = block.fields.iter().map(|field| self.field(field));
        let space = format!(" The block. Its size is {} bytes.", block.len);
        let (checks, choices) = (self.block_checks(block), self.choices(block));
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

                #choices

                #checks
            }
        }
    }

    /// Emits the type of a field.
    fn field(&self, field: &Field) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&field.name);
        let docs = docs(&field.docs, &facts(field, self.place(&field.name)), &field.alias);
        let (text, offset) = (&field.name.text, number(field.offset));
        let wire = self.wire(&field.ty);
        let (body, constructors, element) = match (field.ty.len, field.conditions.as_slice()) {
            (None, []) => (quote!(;), None, None),
            (None, [condition]) => (quote!({ negotiated: () }), Some(self.given(condition, &field.name)), None),
            (None, conditions) => (quote!({ negotiated: () }), Some(self.given_any(conditions, &field.name)), None),
            (Some(_), _) => (quote!({ index: usize }), Some(self.elements(field)), Some(self.element_offset())),
        };
        let access = self.access(field);
        let derives = Self::marker_derives(field.ty.len.is_some());
        quote! {
            #docs
            #derives
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

    /// Emits assertions for the layout: each field has the assumed width and ends before the next one, and the last field
    /// ends at the end of the block.
    fn block_checks(&self, block: &Block) -> Option<TokenStream> {
        let krate = &self.krate;
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
            quote!(#width == #size)
        });
        let in_order = |pair: &&[Field]| pair[0].overlay.is_none() || pair[1].overlay.is_none();
        let order = block.fields.windows(2).filter(in_order).map(|pair| {
            let (first, next, width) = (offset(&pair[0]), offset(&pair[1]), width(&pair[0]));
            quote!(#first + #width <= #next)
        });
        let ends = |field: &&Field| field.offset + field.ty.size() == block.len;
        let end = block.fields.iter().rev().find(ends).map(|last| {
            let (offset, width) = (offset(last), width(last));
            quote!(#offset + #width == <Space as #krate::Block>::LEN)
        });
        self.assertions(widths.chain(order).chain(end))
    }

    /// The `Wire` type of a field.
    fn wire(&self, ty: &Type) -> TokenStream {
        let krate = &self.krate;
        // The checks replace structures by their fields.
        let scalar = ty.scalar().unwrap_or(Scalar::ALL[0]);
        let int = int(scalar.int);
        let number = match scalar.order {
            Order::None | Order::Little => quote!(#krate::Le<#int>),
            Order::Big => quote!(#krate::Be<#int>),
            Order::Native => quote!(#krate::Native<#int>),
        };
        match &ty.element {
            Element::Value(value) => {
                let value = self.camel(&value.name);
                quote!(#krate::As<super::#value, #number>)
            }
            Element::Scalar(_) | Element::Struct(_) | Element::Union(_) => number,
        }
    }

    /// Emits the methods of an array field. Its values are the elements of the array.
    fn elements(&self, field: &Field) -> TokenStream {
        let name = self.camel(&field.name);
        let len = number(field.ty.len.unwrap_or(1).into());
        let constructors = match field.conditions.as_slice() {
            [] => self.element_constructors(),
            conditions => self.conditional_elements(conditions),
        };
        let gives = self.gives(&field.conditions, &field.name);
        quote! {
            impl #name {
                /// The length of the array.
                pub const LEN: usize = #len;

                #constructors

                /// Returns the index of this element.
                pub const fn index(self) -> usize {
                    self.index
                }
            }

            #gives
        }
    }

    /// Emits the constructors of an array field that always exists.
    fn element_constructors(&self) -> TokenStream {
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        quote! {
            /// Returns the element at `index`, or `None` if the array is shorter.
            pub const fn at(index: usize) -> #core::option::Option<Self> {
                if index < Self::LEN {
                    #core::option::Option::Some(Self { index })
                } else {
                    #core::option::Option::None
                }
            }

            /// Returns all elements in order.
            pub fn all() -> [Self; Self::LEN] {
                #core::array::from_fn(|index| Self { index })
            }
        }
    }

    /// Emits the constructor of an array field that exists with any of the features.
    fn conditional_elements(&self, conditions: &[Condition]) -> TokenStream {
        let krate = &self.krate;
        let doc = format!(" Makes all elements, in order, from the proof that {} was negotiated.", any(conditions));
        let (generics, feature) = match conditions {
            [condition] => {
                let feature = self.camel(&condition.name);
                (None, quote!(super::feature::#feature))
            }
            _ => (Some(quote!(<F: #krate::__private::described::Gives<Self>>)), quote!(F)),
        };
        quote! {
            #[doc = #doc]
            pub fn given #generics(_proof: #krate::Negotiated<#feature>) -> [Self; Self::LEN] {
                #krate::__private::core::array::from_fn(|index| Self { index })
            }
        }
    }

    /// Emits the `offset` method of an array field.
    fn element_offset(&self) -> TokenStream {
        let krate = &self.krate;
        quote! {
            fn offset(self) -> usize {
                // The index is below the length of the array, and the array ends inside the block.
                <Self as #krate::Field>::OFFSET
                    + self.index * <<Self as #krate::Field>::Wire as #krate::Wire>::WIDTH
            }
        }
    }

    /// Emits the access traits of a field.
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

/// The generated sentences of a field's documentation.
fn facts(field: &Field, place: Option<String>) -> Vec<String> {
    let access = match (field.access.read, field.access.write) {
        (true, None) => "read-only",
        (true, Some(When::Always)) => "read-write",
        (true, Some(When::Setup)) => "read-write before DRIVER_OK, then read-only",
        (false, Some(When::Always)) => "write-only",
        (false, Some(When::Setup)) => "write-only before DRIVER_OK",
        (false, None) => "no access",
    };
    let ty = field.ty.text();
    let mut facts = vec![format!("`{}`: `{ty}` at offset {:#04x}, {access}.", field.name.text, field.offset)];
    match field.conditions.as_slice() {
        [] => {}
        [condition] => facts.push(exists_with(condition)),
        conditions => facts.push(exists_with_any(conditions)),
    }
    facts.extend(place);
    facts
}
