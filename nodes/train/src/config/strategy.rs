//! `--strategy`: what candidates are made by.

use std::fmt;

/// What candidates are made by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Strategy {
    /// `head`, unless --model or --weights name a network, or there are no pretrained weights. Where an image that is mirrored or
    /// turned is one of another class, and heads are right on less than 95 %, a network is trained as well.
    #[default]
    Auto,
    /// A closed-form classifier on the embeddings of a frozen, pretrained backbone: seconds.
    Head,
    /// All layers of --model from --weights, or of the backbone of heads where neither is given, at half the usual learning rate; the
    /// last layer begins as a ridge regression. Later from the champion.
    FineTune,
    /// All layers of --model from random weights, later from the champion.
    Scratch,
    /// Networks that the node `search` proposes, one after the other, all layers from random weights.
    Search,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Head => "head",
            Self::FineTune => "fine-tune",
            Self::Scratch => "scratch",
            Self::Search => "search",
        })
    }
}
