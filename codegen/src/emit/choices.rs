//! Unions of blocks with `by`: an enum with a variant for each value that chooses an entry, and a method that reads the chosen entry.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Block, Choice, Element, Part, Type};
use crate::name::CNames;

impl Target {
    /// Emits the enums of the unions in a block.
    pub(super) fn choices(&self, block: &Block) -> Option<TokenStream> {
        let krate = &self.krate;
        let choices = block.choices.iter().map(|choice| self.block_choice(block, choice));
        (!block.choices.is_empty()).then(|| {
            quote! {
                #[allow(unused_imports)]
                use #krate::__private::zerocopy;

                #(#choices)*
            }
        })
    }

    fn block_choice(&self, block: &Block, choice: &Choice) -> TokenStream {
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        let name = format_ident!("{}Value", self.camel(&choice.name));
        let (union, field) = (&choice.name.text, &choice.selector.field.text);
        let (selector, values) = (self.camel(&choice.selector.field), self.camel(&choice.selector.ty));
        let chosen = || choice.entries.iter().flat_map(|entry| entry.values.iter().map(move |value| (entry, value)));
        let variants = chosen().map(|(entry, value)| {
            let fact = format!("`{}`: `{}`, if `{field}` is `{}`.", entry.name.text, entry.ty.text(), value.text);
            let (docs, variant) = (docs(&entry.docs, &[fact], &CNames::default()), self.camel(value));
            let ty = self.part_type(&entry.part);
            quote!(#docs #variant(#ty),)
        });
        let arms = chosen().map(|(entry, value)| {
            let (variant, read) = (self.camel(value), self.read_part(&entry.part));
            quote! {
                super::#values::#variant => #core::option::Option::Some(Self::#variant(#read)),
            }
        });
        let docs = self.own_docs(format!("The entry of the union `{union}` that `{field}` chooses."), &choice.name);
        let accesses = accesses(block, choice);
        let read_doc = format!(
            " Reads `{field}`, and the whole entry of `{union}` that it chooses. Returns `None` if it chooses none."
        );
        let cost_doc = format!(
            " These are at most {accesses} register accesses. `Config::snapshot` of aerostat-transport repeats them until the generation \
             count shows that all values belong to one configuration."
        );
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum #name {
                #(#variants)*
            }

            impl #name {
                #[doc = #read_doc]
                ///
                #[doc = #cost_doc]
                ///
                /// # Errors
                ///
                /// The error of the reader.
                pub fn read<R: #krate::FieldReader<Space>>(
                    fields: &R,
                ) -> #core::result::Result<#core::option::Option<Self>, R::Error> {
                    #core::result::Result::Ok(match fields.read(#selector)? {
                        #(#arms)*
                        _ => #core::option::Option::None,
                    })
                }
            }
        }
    }

    /// The type of a value in a block.
    fn part_type(&self, part: &Part) -> TokenStream {
        let (element, len) = match part {
            Part::Struct(name, _) => (self.super_type(name), None),
            Part::Field(_, ty) => match (&ty.element, ty.scalar()) {
                (Element::Value(value), _) => (self.super_type(&value.name), ty.len),
                (_, scalar) => (scalar.map_or(TokenStream::new(), |scalar| int(scalar.int)), ty.len),
            },
        };
        match len {
            Some(len) => {
                let len = number(len.into());
                quote!([#element; #len])
            }
            None => element,
        }
    }

    fn super_type(&self, name: &crate::name::Name) -> TokenStream {
        let name = self.camel(name);
        quote!(super::#name)
    }

    /// Reads a value.
    fn read_part(&self, part: &Part) -> TokenStream {
        match part {
            Part::Field(name, Type { len: None, .. }) => {
                let field = self.camel(name);
                quote!(fields.read(#field)?)
            }
            Part::Field(name, _) => {
                let field = self.camel(name);
                quote!(fields.elements(#field::all())?)
            }
            Part::Struct(name, parts) => {
                let name = self.super_type(name);
                let arguments = parts.iter().map(|part| self.read_argument(part));
                quote!(#name::new(#(#arguments),*))
            }
        }
    }

    /// Reads an argument of a structure's constructor. The constructor takes arrays in the stored form.
    fn read_argument(&self, part: &Part) -> TokenStream {
        let read = self.read_part(part);
        let stored = match part {
            Part::Field(_, Type { element, len: Some(_) }) => {
                self.encoded(&format_ident!("value").to_token_stream(), &Type { element: element.clone(), len: None })
            }
            Part::Field(..) | Part::Struct(..) => None,
        };
        match stored {
            Some(stored) => quote!(#read.map(|value| #stored)),
            None => read,
        }
    }
}

/// Returns the maximum number of register accesses that read the selector and an entry.
fn accesses(block: &Block, choice: &Choice) -> u64 {
    let selector = block.fields.iter().find(|field| field.name.text == choice.selector.field.text);
    let selector = selector.map_or(0, |field| of_type(&field.ty));
    selector.saturating_add(choice.entries.iter().map(|entry| of_part(&entry.part)).max().unwrap_or(0))
}

fn of_part(part: &Part) -> u64 {
    match part {
        Part::Field(_, ty) => of_type(ty),
        Part::Struct(_, parts) => parts.iter().map(of_part).fold(0, u64::saturating_add),
    }
}

/// A number with 64 bits is read as two halves.
fn of_type(ty: &Type) -> u64 {
    ty.element.size().div_ceil(4).saturating_mul(ty.len.map_or(1, u64::from))
}
