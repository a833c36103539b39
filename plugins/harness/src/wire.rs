//! A [`Tag`] as dora's metadata, and back. Names of the fields are dora's own for streams.

use dora_node_api::{FIN, MetadataParameters, Parameter, SEQ, SESSION_ID};
use plugin_api::Tag;

/// The metadata of a message.
pub fn to_parameters(tag: &Tag) -> MetadataParameters {
    let mut parameters: MetadataParameters =
        tag.extra.iter().map(|(name, value)| (name.clone(), Parameter::String(value.clone()))).collect();
    parameters.insert(SESSION_ID.to_owned(), Parameter::String(tag.session.clone()));
    parameters.insert(SEQ.to_owned(), Parameter::Integer(tag.seq as i64));
    parameters.insert(FIN.to_owned(), Parameter::Bool(tag.fin));
    parameters
}

/// The tag of a message. Fields that are missing are empty; dora's own (`_…`) are left out.
pub fn from_parameters(parameters: &MetadataParameters) -> Tag {
    let mut tag = Tag::default();
    for (name, value) in parameters {
        match (name.as_str(), value) {
            (SESSION_ID, Parameter::String(session)) => tag.session.clone_from(session),
            (SEQ, Parameter::Integer(seq)) => tag.seq = u64::try_from(*seq).unwrap_or_default(),
            (FIN, Parameter::Bool(fin)) => tag.fin = *fin,
            (name, Parameter::String(value)) if !name.starts_with('_') => {
                tag.extra.insert(name.to_owned(), value.clone());
            }
            _ => {}
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_survives_the_round_trip() {
        let tag = Tag::new("watch-1", 7).fin(true).with("split", "train").with("epoch", 3);
        assert_eq!(from_parameters(&to_parameters(&tag)), tag);
    }
}
