//! Unions: a type with the bytes and a method for each entry, and an enum of the entries if a field chooses one.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::target::{Target, number};
use crate::model::{Element, Selector, Struct, StructField, UnionEntry, UnionType};
use crate::name::CNames;

impl Target {
    /// Emits the types of the unions in a structure.
    pub(super) fn unions(&self, structure: &Struct) -> TokenStream {
        let unions = structure.fields.iter().filter_map(|field| match &field.ty.element {
            Element::Union(union) => Some(self.union(structure, field, union)),
            _ => None,
        });
        unions.collect()
    }

    fn union(&self, structure: &Struct, field: &StructField, union: &UnionType) -> TokenStream {
        let name = self.camel(&union.name);
        let owner = structure.name.camel();
        let size = number(union.size);
        let fact = format!("The union `{}` in [`{owner}`]: {} bytes.", field.name.text, union.size);
        let docs = self.own_docs(fact, &field.name);
        let methods = union.entries.iter().map(|entry| self.entry(entry));
        let choice = union.selector.as_ref().map(|selector| self.choice(structure, field, union, selector));
        quote! {
            #docs
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes,
                zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[zerocopy(crate = "self::zerocopy")]
            #[repr(C)]
            pub struct #name {
                bytes: [u8; #size],
            }

            impl #name {
                #(#methods)*
            }

            #choice
        }
    }

    /// Emits the methods that make a union from an entry and read it as that entry.
    fn entry(&self, entry: &UnionEntry) -> TokenStream {
        let krate = &self.krate;
        let (get, make) = (self.ident(&entry.name, &entry.name.text), format_ident!("from_{}", entry.name.text));
        let (value, stored) = (self.parameter(&entry.ty), self.stored(&entry.ty));
        let encoded = self.encoded(&quote!(value), &entry.ty).unwrap_or(quote!(value));
        let parameter = entry.ty.has_byte_order().then(|| quote!(<O: zerocopy::ByteOrder>));
        let loaded = match (entry.ty.scalar(), entry.ty.len, &entry.ty.element) {
            (Some(scalar), None, Element::Scalar(_)) if scalar.int.bits() > 8 => Some(quote!(.get())),
            (Some(_), None, Element::Value(_)) => Some(quote!(.get())),
            _ => None,
        };
        let get_docs = docs(&entry.docs, &[format!("Returns the entry `{}`.", entry.name.text)], &CNames::default());
        let make_doc = format!(" Makes the entry `{}`. The bytes behind it are 0.", entry.name.text);
        quote! {
            #get_docs
            pub fn #get #parameter(&self) -> #value {
                #krate::__private::read_entry::<#stored>(&self.bytes)#loaded
            }

            #[doc = #make_doc]
            pub fn #make #parameter(value: #value) -> Self {
                let stored: #stored = #encoded;
                Self { bytes: #krate::__private::entry_bytes(&stored) }
            }
        }
    }

    /// Emits the enum of the entries, and the methods of the structure that read and set the chosen one.
    fn choice(&self, structure: &Struct, field: &StructField, union: &UnionType, selector: &Selector) -> TokenStream {
        let core = {
            let krate = &self.krate;
            quote!(#krate::__private::core)
        };
        let (name, owner) = (self.camel(&union.name), self.camel(&structure.name));
        let choice = format_ident!("{name}Value");
        let order = union.entries.iter().any(|entry| entry.ty.has_byte_order());
        let parameter = order.then(|| quote!(<O: zerocopy::ByteOrder = zerocopy::LittleEndian>));
        let owner_parameter = (order || structure.has_byte_order).then(|| quote!(<O: zerocopy::ByteOrder>));
        let owner_argument = structure.has_byte_order.then(|| quote!(<O>));
        let method_parameter = (order && !structure.has_byte_order).then(|| quote!(<O: zerocopy::ByteOrder>));
        let impl_parameter = owner_parameter.filter(|_| structure.has_byte_order);
        let argument = order.then(|| quote!(<O>));
        let (get, set) = (format_ident!("{}_value", field.name.text), format_ident!("set_{}", field.name.text));
        let (field_name, selector_field) =
            (self.ident(&field.name, &field.name.text), self.ident(&selector.field, &selector.field.text));
        let selector_type = self.camel(&selector.ty);
        let chosen = || union.entries.iter().flat_map(|entry| entry.values.iter().map(move |value| (entry, value)));
        let names: Vec<Ident> = chosen().map(|(_, value)| self.camel(value)).collect();
        let types = chosen().map(|(entry, _)| self.parameter(&entry.ty));
        let entry_docs = chosen().map(|(entry, _)| {
            docs(&entry.docs, &[format!("`{}`: `{}`.", entry.name.text, entry.ty.text())], &CNames::default())
        });
        let gets = chosen().map(|(entry, _)| self.ident(&entry.name, &entry.name.text).to_token_stream());
        let makes = chosen().map(|(entry, _)| format_ident!("from_{}", entry.name.text));
        let fact = format!("The entry of [`{name}`] that the value of `{}` chooses.", selector.field.text);
        let docs = self.own_docs(fact, &field.name);
        let get_doc = format!(
            " Returns the entry of `{}` that `{}` chooses, or `None` if it chooses none.",
            field.name.text, selector.field.text
        );
        let set_doc =
            format!(" Sets `{}`, and `{}` to the value that chooses the entry.", field.name.text, selector.field.text);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum #choice #parameter {
                #(#entry_docs #names(#types),)*
            }

            impl #impl_parameter #owner #owner_argument {
                #[doc = #get_doc]
                pub fn #get #method_parameter(&self) -> #core::option::Option<#choice #argument> {
                    match self.#selector_field.get() {
                        #(#selector_type::#names => #core::option::Option::Some(#choice::#names(self.#field_name.#gets())),)*
                        _ => #core::option::Option::None,
                    }
                }

                #[doc = #set_doc]
                pub fn #set #method_parameter(&mut self, value: #choice #argument) {
                    match value {
                        #(#choice::#names(value) => {
                            self.#selector_field.set(#selector_type::#names);
                            self.#field_name = #name::#makes(value);
                        })*
                    }
                }
            }
        }
    }
}
