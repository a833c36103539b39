//! The part of ONNX's messages that a classifier needs. Numbers of fields are those of
//! <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>; readers skip what they do not know.

/// A model in a file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelProto {
    /// Version of these messages.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// Who wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Version of the program that wrote the file.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// What the names of operators mean.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Anything else.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A set of operators.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Version of the operator set.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A key and a value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StringStringEntryProto {
    /// Name of a metadata entry.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Text of a metadata entry.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A network.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GraphProto {
    /// What is computed, each after what it reads.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// What it is called.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Weights.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// What goes in.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// What comes out.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// An operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeProto {
    /// Names of what it reads.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of what it gives.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// What it is called.
    #[prost(string, tag = "3")]
    pub name: String,
    /// What it does.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its numbers.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// A number of an operation, or several.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeProto {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// When `kind` is [`FLOAT`].
    #[prost(float, tag = "2")]
    pub f: f32,
    /// When `kind` is [`INT`].
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// When `kind` is [`INTS`].
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of them it is; called `type` in ONNX.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

/// [`AttributeProto::kind`]: one number of 32 bits with a point.
pub const FLOAT: i32 = 1;
/// [`AttributeProto::kind`]: one whole number.
pub const INT: i32 = 2;
/// [`AttributeProto::kind`]: whole numbers.
pub const INTS: i32 = 7;
/// [`TensorProto::data_type`] and [`TensorType::elem_type`]: numbers of 32 bits with a point.
pub const FLOAT_TENSOR: i32 = 1;

/// Numbers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorProto {
    /// Its shape.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// What they are.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// What it is called.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The numbers, low byte first.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

/// [`TensorProto::data_type`]: 64-bit integers.
pub const INT64_TENSOR: i32 = 7;

/// What goes in or comes out.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfoProto {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it is; called `type` in ONNX.
    #[prost(message, optional, tag = "2")]
    pub kind: Option<TypeProto>,
}

/// What a value is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TypeProto {
    /// Element type and shape, where the value is a tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// What a tensor is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorType {
    /// What its numbers are.
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Shape; `None` when it is unknown.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// Dimensions of a tensor, outermost first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShapeProto {
    /// Side by side.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One side of a shape.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Dimension {
    /// Known, or called something and free.
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub value: Option<DimensionValue>,
}

/// How long a side is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum DimensionValue {
    /// As long as this.
    #[prost(int64, tag = "1")]
    DimValue(i64),
    /// As long as one likes.
    #[prost(string, tag = "2")]
    DimParam(String),
}
