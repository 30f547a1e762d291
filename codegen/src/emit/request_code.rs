//! The code of a request: what writes its readable part and reads its answer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};

use crate::emit::request_context::condition_name;
use crate::emit::requests::{Parts, is_optional, plain};
use crate::emit::structs::wrapper;
use crate::emit::target::{int, number};
use crate::model::{Count, Element, Int, RequestField, Scalar};

impl Parts<'_> {
    /// The statements that check the lengths of the arrays that the driver sends.
    pub(super) fn checks(&self) -> Vec<TokenStream> {
        let krate = &self.target.krate;
        let checks = self.request.readable.iter().filter_map(|field| {
            let (name, text) = (self.ident(field), &field.name.text);
            let max = match &field.count {
                Count::Config { name, .. } => self.context_size(&quote!(self), &name.text),
                Count::Field { int: ty, name: count, .. } => {
                    let int = int(*ty);
                    // All arrays with the same length field have the length of the first one.
                    let first = self.arrays_of(&count.text).next().map(|first| self.ident(first));
                    let equal = first.filter(|first| *first != name).map(|first| {
                        quote!(#krate::__private::check_equal(#text, self.#name.len(), self.#first.len())?;)
                    });
                    let core = self.core();
                    let check = quote! {
                        #equal
                        #krate::__private::check_len(#text, self.#name.len(), #krate::__private::to_usize(#core::primitive::#int::MAX))?;
                    };
                    return Some(self.conditional(field, &quote!(self), check));
                }
                Count::One | Count::Fixed(_) | Count::Open => return None,
            };
            let check = quote!(#krate::__private::check_len(#text, self.#name.len(), #max)?;);
            Some(self.conditional(field, &quote!(self), check))
        });
        checks.collect()
    }

    /// The statements that write the readable part.
    pub(super) fn encode(&self) -> Vec<TokenStream> {
        let krate = &self.target.krate;
        let fields = self.request.readable.iter().map(|field| {
            let name = self.ident(field);
            let value = quote!(self.#name);
            let put = |value: TokenStream| quote!(__put(zerocopy::IntoBytes::as_bytes(#value)););
            let statement = match &field.count {
                Count::One => {
                    let ty = plain(&field.element);
                    let stored = self.target.stored(&ty);
                    let value = match (field.value, self.arrays_of(&field.name.text).next()) {
                        (Some(constant), _) => self.constant(&field.element, constant),
                        (None, Some(array)) => {
                            let array = self.ident(array);
                            self.length_value(&field.element, &quote!(self.#array.len()))
                        }
                        (None, None) => self.target.encoded(&value, &ty).unwrap_or(value),
                    };
                    quote! {{
                        let __stored: #stored = #value;
                        __put(zerocopy::IntoBytes::as_bytes(&__stored));
                    }}
                }
                // The checks allow the value 0 only.
                Count::Fixed(count) if field.value.is_some() => {
                    let size = number(field.element.size().saturating_mul(u64::from(*count)));
                    quote!(#krate::__private::put_zeros(__put, #size);)
                }
                Count::Fixed(_) => put(quote!(&#value)),
                Count::Open | Count::Field { .. } => put(value),
                Count::Config { name: config, .. } => {
                    let max = self.context_size(&quote!(self), &config.text);
                    let size = number(field.element.size());
                    let bytes = put(value.clone());
                    quote! {
                        #bytes
                        #krate::__private::put_zeros(__put, #max.saturating_sub(#value.len()).saturating_mul(#size));
                    }
                }
            };
            self.conditional(field, &quote!(self), statement)
        });
        fields.collect()
    }

    /// The stored form of a value that never changes.
    fn constant(&self, element: &Element, constant: u64) -> TokenStream {
        let (krate, value) = (&self.target.krate, number(constant));
        let stored = |scalar: Scalar| match scalar.int {
            Int::U8 => value.to_token_stream(),
            int => {
                let wrapper = wrapper(int);
                quote!(zerocopy::#wrapper::new(#value))
            }
        };
        match element {
            Element::Value(ty) => {
                let stored = stored(ty.scalar);
                quote!(#krate::Stored::from_stored(#stored))
            }
            Element::Scalar(scalar) => stored(*scalar),
            // The checks allow values for integers and enums only.
            Element::Struct(_) | Element::Union(_) => value.to_token_stream(),
        }
    }

    /// The stored form of a length, which has been checked.
    fn length_value(&self, element: &Element, len: &TokenStream) -> TokenStream {
        let core = self.core();
        let scalar = element.scalar().unwrap_or(Scalar::ALL[0]);
        let ty = int(scalar.int);
        let len = quote!(#core::primitive::#ty::try_from(#len).unwrap_or(#core::primitive::#ty::MAX));
        match scalar.int {
            Int::U8 => len,
            int => {
                let wrapper = wrapper(int);
                quote!(zerocopy::#wrapper::new(#len))
            }
        }
    }

    /// The statements that add up the length of the writable part.
    pub(super) fn answer_len(&self) -> Vec<TokenStream> {
        let fields = self.request.writable.iter().map(|field| {
            let size = number(field.element.size());
            let count = match &field.count {
                Count::One => quote!(1),
                Count::Fixed(count) => number(u64::from(*count)).to_token_stream(),
                Count::Config { name, .. } => self.context_size(&quote!(__shape), &name.text),
                Count::Field { .. } | Count::Open => {
                    let length = format_ident!("{}_len", field.name.text);
                    quote!(__shape.#length)
                }
            };
            let add = quote!(__len = __len.saturating_add(usize::saturating_mul(#count, #size)););
            self.conditional(field, &quote!(__shape), add)
        });
        fields.collect()
    }

    /// The statements that read the fields of the answer.
    pub(super) fn decode(&self) -> Vec<TokenStream> {
        let (krate, core) = (&self.target.krate, self.core());
        let last = self.request.writable.len().saturating_sub(1);
        let fields = self.request.writable.iter().enumerate().map(|(at, field)| {
            let (name, text) = (self.ident(field), &field.name.text);
            let ty = plain(&field.element);
            let element = self.target.stored(&ty);
            let length = format_ident!("{}_len", field.name.text);
            let array = |count: TokenStream| match at == last {
                true => quote!(__reader.rest::<#element>(#text, #count)?),
                false => quote!(__reader.slice::<#element>(#text, #count)?),
            };
            let value = match &field.count {
                Count::One => {
                    let value = quote!(__reader.value::<#element>(#text)?);
                    match &field.element {
                        Element::Scalar(Scalar { int: Int::U8, .. }) | Element::Struct(_) | Element::Union(_) => value,
                        Element::Scalar(_) | Element::Value(_) => quote!(#value.get()),
                    }
                }
                Count::Fixed(count) => {
                    let count = number(u64::from(*count));
                    quote!(__reader.value::<[#element; #count]>(#text)?)
                }
                Count::Config { name, .. } => array(self.context_size(&quote!(__shape), &name.text)),
                Count::Field { name: count, readable: false, .. } => {
                    let count = self.target.ident(count, &count.text);
                    let optional = self.request.writable.iter().any(|other| {
                        is_optional(other) && self.ident(other) == count
                    });
                    let count = match optional {
                        true => quote!(#count.unwrap_or(0)),
                        false => quote!(#count),
                    };
                    let count = quote!(#krate::__private::to_usize(#count));
                    array(quote!(#krate::__private::limited(#text, #count, __shape.#length)?))
                }
                Count::Field { readable: true, .. } | Count::Open => array(quote!(__shape.#length)),
            };
            let Some(condition) = condition_name(&field.conditions) else {
                return quote!(let #name = #value;);
            };
            let condition = Ident::new(&condition, Span::call_site());
            match is_optional(field) {
                true => quote! {
                    let #name = if __shape.context.#condition { #core::option::Option::Some(#value) } else { #core::option::Option::None };
                },
                false => quote!(let #name: &[#element] = if __shape.context.#condition { #value } else { &[] };),
            }
        });
        fields.collect()
    }

    /// Wraps a statement into the condition of its field.
    fn conditional(&self, field: &RequestField, of: &TokenStream, statement: TokenStream) -> TokenStream {
        match condition_name(&field.conditions) {
            None => statement,
            Some(condition) => {
                let condition = Ident::new(&condition, Span::call_site());
                quote!(if #of.context.#condition { #statement })
            }
        }
    }

    /// A length that a field of the configuration space gives.
    fn context_size(&self, of: &TokenStream, config: &str) -> TokenStream {
        let krate = &self.target.krate;
        let name = format_ident!("{config}");
        quote!(#krate::__private::to_usize(#of.context.#name))
    }
}
