//! The machinery of an edge: a message is an Arrow `StructArray` with a fixed schema, one row an image.
//!
//! dora does not check structs at run time, so [`Edge::from_array`] compares the schema on receipt and names both
//! when they differ.

use arrow::array::{Array, ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

/// A message arrived whose columns are not those of its edge.
#[derive(Debug, thiserror::Error)]
#[error("edge {edge}: schema differs\n  expected: {expected}\n  received: {received}")]
pub struct SchemaError {
    /// Name of the edge type, as in `dataflows/types`.
    pub edge: &'static str,
    /// Columns the contract asks for.
    pub expected: String,
    /// Columns that came.
    pub received: String,
}

/// The type of a column that holds several `UInt32` a row; `List<UInt32>` in dora's type files.
pub fn list_of_u32() -> DataType {
    DataType::LargeList(Arc::new(Field::new("item", DataType::UInt32, true)))
}

/// The type of a column that holds several `Float32` a row; `List<Float32>` in dora's type files.
pub fn list_of_f32() -> DataType {
    DataType::LargeList(Arc::new(Field::new("item", DataType::Float32, true)))
}

/// A typed message: a struct of Arrow columns of equal length.
pub trait Edge: Sized {
    /// Name of the edge type, as in `dataflows/types`.
    const NAME: &'static str;

    /// The columns, in order.
    fn fields() -> Fields;

    /// The message as Arrow sends it. No column is copied.
    fn into_array(self) -> StructArray;

    /// Reads a message. No column is copied.
    ///
    /// # Errors
    /// [`SchemaError`] when a column's name, type or nullability differs.
    fn from_array(array: &ArrayRef) -> Result<Self, SchemaError>;

    /// Rows in the message.
    fn rows(&self) -> usize;
}

/// Compares `array` with the contract and returns it as a struct.
///
/// # Errors
/// [`SchemaError`] when the two differ.
pub fn checked<E: Edge>(array: &ArrayRef) -> Result<&StructArray, SchemaError> {
    let expected = E::fields();
    match array.as_any().downcast_ref::<StructArray>() {
        Some(rows) if same_columns(rows.fields(), &expected) => Ok(rows),
        Some(rows) => Err(SchemaError { edge: E::NAME, expected: name(&expected), received: name(rows.fields()) }),
        None => Err(SchemaError { edge: E::NAME, expected: name(&expected), received: array.data_type().to_string() }),
    }
}

/// One column as its Arrow type.
///
/// # Errors
/// [`SchemaError`] when it is missing or of another type, which [`checked`] has ruled out.
pub fn typed<E: Edge, A: Array + Clone + 'static>(
    column: Option<&ArrayRef>,
    message: &ArrayRef,
) -> Result<A, SchemaError> {
    column.and_then(|c| c.as_any().downcast_ref::<A>()).cloned().ok_or_else(|| SchemaError {
        edge: E::NAME,
        expected: name(&E::fields()),
        received: message.data_type().to_string(),
    })
}

/// A column may come without nulls where the contract allows them, never the other way round.
fn same_columns(received: &Fields, expected: &Fields) -> bool {
    received.len() == expected.len()
        && received.iter().zip(expected).all(|(r, e)| {
            r.name() == e.name() && r.data_type() == e.data_type() && (e.is_nullable() || !r.is_nullable())
        })
}

fn name(fields: &Fields) -> String {
    let columns: Vec<String> = fields
        .iter()
        .map(|f| format!("{} {}{}", f.name(), f.data_type(), if f.is_nullable() { "?" } else { "" }))
        .collect();
    columns.join(", ")
}

/// Arrow array type and data type of one column kind.
#[macro_export]
#[doc(hidden)]
macro_rules! column {
    (array Utf8) => {
        ::arrow::array::StringArray
    };
    (array OptionalUtf8) => {
        ::arrow::array::StringArray
    };
    (array Int64) => {
        ::arrow::array::Int64Array
    };
    (array UInt32) => {
        ::arrow::array::UInt32Array
    };
    (array UInt64) => {
        ::arrow::array::UInt64Array
    };
    (array Float32) => {
        ::arrow::array::Float32Array
    };
    (array Float64) => {
        ::arrow::array::Float64Array
    };
    (array Boolean) => {
        ::arrow::array::BooleanArray
    };
    (array LargeBinary) => {
        ::arrow::array::LargeBinaryArray
    };
    (array ListUInt32) => {
        ::arrow::array::LargeListArray
    };
    (array ListFloat32) => {
        ::arrow::array::LargeListArray
    };
    (field $name:expr, OptionalUtf8) => {
        ::arrow::datatypes::Field::new($name, ::arrow::datatypes::DataType::Utf8, true)
    };
    (field $name:expr, ListUInt32) => {
        ::arrow::datatypes::Field::new($name, $crate::edge::list_of_u32(), false)
    };
    (field $name:expr, ListFloat32) => {
        ::arrow::datatypes::Field::new($name, $crate::edge::list_of_f32(), false)
    };
    (field $name:expr, $kind:ident) => {
        ::arrow::datatypes::Field::new($name, ::arrow::datatypes::DataType::$kind, false)
    };
}

/// Declares a message: a struct of Arrow columns, with its schema and both conversions.
#[macro_export]
macro_rules! edge {
    ($(#[$doc:meta])* $name:ident { $($(#[$column_doc:meta])* $column:ident: $kind:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[$column_doc])* pub $column: $crate::column!(array $kind)),+ }

        impl $crate::Edge for $name {
            const NAME: &'static str = stringify!($name);

            fn fields() -> ::arrow::datatypes::Fields {
                vec![$($crate::column!(field stringify!($column), $kind)),+].into()
            }

            fn into_array(self) -> ::arrow::array::StructArray {
                ::arrow::array::StructArray::new(Self::fields(), vec![$(::std::sync::Arc::new(self.$column)),+], None)
            }

            fn from_array(array: &::arrow::array::ArrayRef) -> Result<Self, $crate::SchemaError> {
                let rows = $crate::edge::checked::<Self>(array)?;
                let mut columns = rows.columns().iter();
                $(let $column = $crate::edge::typed::<Self, $crate::column!(array $kind)>(columns.next(), array)?;)+
                Ok(Self { $($column),+ })
            }

            fn rows(&self) -> usize {
                use ::arrow::array::Array as _;
                [$(self.$column.len()),+][0]
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::Removed;
    use arrow::array::{Int64Array, StringArray};

    #[test]
    fn a_message_survives_the_round_trip() {
        let message = Removed { path: StringArray::from(vec!["photos/きゅんきゅん/a.jpg", "photos/b/c.png"]) };
        let array: ArrayRef = Arc::new(message.into_array());
        let back = Removed::from_array(&array).unwrap();
        assert_eq!(back.rows(), 2);
        assert_eq!(back.path.value(0), "photos/きゅんきゅん/a.jpg");
    }

    #[test]
    fn a_foreign_schema_is_refused_and_both_are_named() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let error = Removed::from_array(&array).unwrap_err().to_string();
        assert!(error.contains("path Utf8") && error.contains("Int64"), "{error}");
    }
}
