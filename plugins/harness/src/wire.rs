//! A [`Header`] as dora's metadata, and back: one parameter for each kind of fields, as JSON, and dora's own for streams.

use dora_node_api::{FIN, MetadataParameters, Parameter, SEQ, SESSION_ID};
use plugin_api::Header;

/// The metadata of a message.
pub fn to_parameters(header: &Header) -> MetadataParameters {
    let fields = header.fields().map(|(name, json)| (name.to_owned(), Parameter::String(json.to_owned())));
    let mut parameters: MetadataParameters = fields.collect();
    parameters.insert(SESSION_ID.to_owned(), Parameter::String(header.session.clone()));
    parameters.insert(SEQ.to_owned(), Parameter::Integer(header.seq as i64));
    parameters.insert(FIN.to_owned(), Parameter::Bool(header.fin));
    parameters
}

/// The header of a message. Fields that are missing are empty; dora's own (`_…`) are left out.
pub fn from_parameters(parameters: &MetadataParameters) -> Header {
    let mut header = Header::default();
    for (name, value) in parameters {
        match (name.as_str(), value) {
            (SESSION_ID, Parameter::String(session)) => header.session.clone_from(session),
            (SEQ, Parameter::Integer(seq)) => header.seq = u64::try_from(*seq).unwrap_or_default(),
            (FIN, Parameter::Bool(fin)) => header.fin = *fin,
            (name, Parameter::String(json)) if !name.starts_with('_') => header = header.with_json(name, json),
            _ => {}
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::edges::{BatchHeader, MachineHeader};

    #[test]
    fn a_header_survives_the_round_trip() {
        let batch = BatchHeader { epoch: 3, seed: u64::MAX, classes: vec!["夏".to_owned()], ..BatchHeader::default() };
        let header = Header::new("watch-1", 7).fin(true).with(&batch).with(&MachineHeader::default());
        assert_eq!(from_parameters(&to_parameters(&header)), header);
    }
}
