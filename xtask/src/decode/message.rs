//! Messages for errors of the decoder.

use aerostat_codegen::DecodeError;

/// Returns the message of an error, with the option to give.
pub(super) fn of(error: &DecodeError) -> String {
    let option = match error {
        DecodeError::OtherKind { is_request: true, .. } => "; add `--part readable` or `--part writable`".to_owned(),
        DecodeError::OtherKind { is_request: false, .. } => "; leave out `--part`".to_owned(),
        DecodeError::MissingConfig { name } => {
            return format!("the layout depends on the configuration field `{name}`; add `--config {name}=…`");
        }
        _ => String::new(),
    };
    format!("{error}{option}")
}
