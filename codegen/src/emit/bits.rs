//! Bit fields.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Bits, Int};

impl Target {
    /// Emits a bit field.
    pub(super) fn bits(&self, bits: &Bits) -> TokenStream {
        let krate = &self.krate;
        let (name, repr) = (self.camel(&bits.name), int(bits.repr));
        let fact = format!("`{}`: a bit field in a `{}`.", bits.name.text, bits.repr.name());
        let facts: Vec<String> = [fact].into_iter().chain(self.place(&bits.name)).collect();
        let bits_docs = docs(&bits.docs, &facts, &bits.alias);
        let mut next = 0;
        let mut fields = TokenStream::new();
        for field in &bits.fields {
            fields.extend(padding(next, field.low, &repr));
            let width = field.width.unwrap_or(1);
            next = field.low + width;
            let name = self.ident(&field.name, &field.name.text);
            let fact = match field.width {
                None => format!("`{}`: bit {}.", field.name.text, field.low),
                Some(_) => format!("`{}`: bits {} to {}.", field.name.text, field.low, next - 1),
            };
            let docs = docs(&field.docs, &[fact], &field.alias);
            fields.extend(match field.width {
                None => quote!(#docs pub #name: bool,),
                Some(width) => {
                    let (ty, width) = (int(smallest(width)), number(width.into()));
                    quote!(#docs #[bits(#width)] pub #name: #ty,)
                }
            });
        }
        fields.extend(padding(next, bits.repr.bits(), &repr));
        let represented = self.represented(&name, bits.repr, &quote!(into_bits));
        quote! {
            #bits_docs
            #[#krate::__private::bitfield(#repr)]
            #[derive(PartialEq, Eq, Hash)]
            pub struct #name {
                #fields
            }

            #represented
        }
    }

    /// Emits the impls that let fields have an enum or a bit field as their type.
    pub(super) fn represented(&self, name: &Ident, repr: Int, to: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let number = int(repr);
        // Each type of a register converts into `u64`. If `u64` represents it, the conversion exists already.
        let wide = (repr != Int::U64).then(|| {
            let core = quote!(#krate::__private::core);
            quote! {
                impl #core::convert::From<#name> for u64 {
                    fn from(value: #name) -> Self {
                        value.#to().into()
                    }
                }
            }
        });
        quote! {
            impl #krate::Represented for #name {
                type Repr = #number;
            }

            #wide
        }
    }
}

/// Returns the smallest integer type with at least this many bits.
fn smallest(bits: u32) -> Int {
    Int::FIXED_WIDTH.into_iter().find(|int| int.bits() >= bits).unwrap_or(Int::U64)
}

/// Emits unnamed bits from `next` up to, but not including, `end`.
pub(super) fn padding(next: u32, end: u32, repr: &TokenStream) -> Option<TokenStream> {
    let width = end.checked_sub(next).filter(|width| *width > 0)?;
    let width = number(width.into());
    Some(quote!(#[bits(#width)] __: #repr,))
}
