//! The fields that a record of the domain has, by the names under which a mapping writes them: also those that a value leaves
//! out, of which serde tells a serializer by name.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, Serializer,
};

/// What a value may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// One value, or a table with keys of the writer's choice.
    Leaf,
    /// A table with these fields, of which those that the value leaves out are leaves.
    Table(Vec<(&'static str, Self)>),
    /// An array, as its first value.
    Array(Box<Self>),
}

impl Fields {
    /// Those of a value.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        value.serialize(Reader).unwrap_or(Self::Leaf)
    }

    /// What stands behind a key; arrays are passed through.
    #[must_use]
    pub fn at(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Leaf => None,
            Self::Table(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, fields)| fields),
            Self::Array(item) => item.at(key),
        }
    }

    /// The names of the fields; empty for a leaf.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Leaf => Vec::new(),
            Self::Table(fields) => fields.iter().map(|(name, _)| *name).collect(),
            Self::Array(item) => item.names(),
        }
    }
}

struct Reader;

/// The reader never fails; serde asks for an error all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Never(String);

impl serde::ser::Error for Never {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Default)]
struct Table(Vec<(&'static str, Fields)>);

impl SerializeStruct for Table {
    type Ok = Fields;
    type Error = Never;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        self.0.push((key, value.serialize(Reader)?));
        Ok(())
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), Never> {
        self.0.push((key, Fields::Leaf));
        Ok(())
    }

    fn end(self) -> Result<Fields, Never> {
        Ok(Fields::Table(self.0))
    }
}

impl SerializeStructVariant for Table {
    type Ok = Fields;
    type Error = Never;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        SerializeStruct::serialize_field(self, key, value)
    }

    fn end(self) -> Result<Fields, Never> {
        SerializeStruct::end(self)
    }
}

#[derive(Default)]
struct Array(Option<Fields>);

impl SerializeSeq for Array {
    type Ok = Fields;
    type Error = Never;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Never> {
        if self.0.is_none() {
            self.0 = Some(value.serialize(Reader)?);
        }
        Ok(())
    }

    fn end(self) -> Result<Fields, Never> {
        Ok(self.0.map_or(Fields::Leaf, |item| Fields::Array(Box::new(item))))
    }
}

struct Words;

impl SerializeMap for Words {
    type Ok = Fields;
    type Error = Never;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Never> {
        Ok(())
    }

    fn end(self) -> Result<Fields, Never> {
        Ok(Fields::Leaf)
    }
}

macro_rules! leaves {
    ($($name:ident: $kind:ty),+) => {$(
        fn $name(self, _: $kind) -> Result<Fields, Never> {
            Ok(Fields::Leaf)
        }
    )+};
}

impl Serializer for Reader {
    type Ok = Fields;
    type Error = Never;
    type SerializeSeq = Array;
    type SerializeTuple = Impossible<Fields, Never>;
    type SerializeTupleStruct = Impossible<Fields, Never>;
    type SerializeTupleVariant = Impossible<Fields, Never>;
    type SerializeMap = Words;
    type SerializeStruct = Table;
    type SerializeStructVariant = Table;

    leaves! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    }

    fn serialize_none(self) -> Result<Fields, Never> {
        Ok(Fields::Leaf)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Fields, Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Fields, Never> {
        Ok(Fields::Leaf)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Fields, Never> {
        Ok(Fields::Leaf)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<Fields, Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Fields, Never> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array, Never> {
        Ok(Array::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Never> {
        Err(Never::custom("no record holds a tuple"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Never> {
        Err(Never::custom("no record holds a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Never> {
        Err(Never::custom("no record holds a tuple"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Words, Never> {
        Ok(Words)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Table, Never> {
        Ok(Table::default())
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Table, Never> {
        Ok(Table::default())
    }
}
