//! nnabla's functions as blocks of a project, so that both go the same way.
//!
//! Axes and shapes of nnabla count the batch; those of projects do not.

use super::text::Message;
use std::collections::BTreeMap;

/// Settings of a function as a block of Neural Network Console has them.
pub fn properties(kind: &str, function: &Message) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let empty = Message::default();
    let parameter = function.ending("_param").unwrap_or(&empty);
    let mut set = |key: &str, value: String| {
        properties.insert(key.to_owned(), value);
    };
    let joined = |numbers: &[i64]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let flag = |name: &str| if parameter.word(name) == "true" { "True" } else { "False" };
    let without_batch = |numbers: Vec<i64>, less: i64| {
        numbers.iter().skip(1).map(|number| (number - less).to_string()).collect::<Vec<_>>().join(",")
    };
    match kind {
        "Convolution" | "DepthwiseConvolution" => {
            set("Padding", joined(&parameter.numbers("pad")));
            set("Strides", joined(&parameter.numbers("stride")));
            set("Dilation", joined(&parameter.numbers("dilation")));
            for (from, to) in [("group", "Group"), ("multiplier", "Multiplier")] {
                set(to, parameter.word(from).to_owned());
            }
        }
        "MaxPooling" | "AveragePooling" | "SumPooling" => {
            set("KernelShape", joined(&parameter.numbers("kernel")));
            set("Strides", joined(&parameter.numbers("stride")));
            set("Padding", joined(&parameter.numbers("pad")));
            set("IgnoreBorder", flag("ignore_border").to_owned());
            set("IncludingPad", flag("including_pad").to_owned());
        }
        "BatchNormalization" => {
            set(
                "Axes",
                parameter.numbers("axes").iter().map(|axis| (axis - 1).to_string()).collect::<Vec<_>>().join(","),
            );
            set("DecayRate", parameter.word("decay_rate").to_owned());
            set("Epsilon", parameter.word("eps").to_owned());
        }
        "Concatenate" => {
            let axis: i64 = parameter.word("axis").parse().unwrap_or(0);
            set("Axis", (axis - 1).to_string());
        }
        "Reshape" => set("OutShape", without_batch(parameter.numbers("shape"), 0)),
        "Transpose" => set("Axes", without_batch(parameter.numbers("axes"), 1)),
        "Slice" => {
            for (from, to) in [("start", "Start"), ("stop", "Stop"), ("step", "Step")] {
                set(to, without_batch(parameter.numbers(from), 0));
            }
        }
        "Dropout" => set("P", parameter.word("p").to_owned()),
        "GroupNormalization" | "InstanceNormalization" | "LayerNormalization" => {
            let axis: i64 = parameter.word("channel_axis").parse().unwrap_or(1);
            set("ChannelAxis", (axis - 1).to_string());
            set("NumGroups", parameter.word("num_groups").to_owned());
            set("Epsilon", parameter.word("eps").to_owned());
        }
        "Pad" => {
            set("PadWidth", joined(&parameter.numbers("pad_width")));
            set("Mode", parameter.word("mode").to_owned());
            set("ConstantValue", parameter.word("constant_value").to_owned());
        }
        "Mean" | "Sum" | "Max" => {
            // Negative ones are counted from the last.
            let axis = |axis: &i64| if *axis < 0 { axis.to_string() } else { (axis - 1).to_string() };
            set("Axes", parameter.numbers("axes").iter().map(axis).collect::<Vec<_>>().join(","));
            set("KeepDims", flag("keep_dims").to_owned());
        }
        "LeakyReLU" | "ELU" | "CELU" => set("Alpha", parameter.word("alpha").to_owned()),
        _ => set("Value", parameter.word("val").to_owned()),
    }
    properties.retain(|_, value| !value.is_empty());
    properties
}
