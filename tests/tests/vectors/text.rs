//! Vectors as text: lines `name = bytes`, in hexadecimal and spaced by field; what is indented goes on with the line before.

use std::fmt::Write;

const COLUMNS: usize = 100;
const INDENT: &str = "    ";

/// Lines of vectors.
#[derive(Debug, Default)]
pub(crate) struct Vectors(pub(crate) String);

impl Vectors {
    /// A line for the reader.
    pub(crate) fn say(&mut self, comment: &str) {
        writeln!(self.0, "# {comment}").unwrap();
    }

    pub(crate) fn gap(&mut self) {
        self.0.push('\n');
    }

    pub(crate) fn add<Field: AsRef<[u8]>>(&mut self, name: impl AsRef<str>, fields: impl IntoIterator<Item = Field>) {
        let mut line = format!("{} =", name.as_ref());
        let fields = fields.into_iter().map(|field| hex(field.as_ref()));
        for field in fields.filter(|field| !field.is_empty()) {
            for piece in field.as_bytes().chunks(COLUMNS - INDENT.len()) {
                let piece = std::str::from_utf8(piece).unwrap();
                if line.len() + 1 + piece.len() > COLUMNS {
                    writeln!(self.0, "{line}").unwrap();
                    line = format!("{INDENT}{piece}");
                } else {
                    line = format!("{line} {piece}");
                }
            }
        }
        writeln!(self.0, "{line}").unwrap();
    }
}

/// Names and bytes of all lines.
pub(crate) fn read(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut vectors: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match (line.strip_prefix(INDENT), vectors.last_mut()) {
            (Some(more), Some((_, bytes))) => bytes.push_str(more),
            _ => {
                let (name, bytes) = line.rsplit_once(" =").unwrap();
                vectors.push((name.into(), bytes.into()));
            }
        }
    }
    let unhexed = |(name, bytes): (String, String)| (name, unhex(&bytes));
    vectors.into_iter().map(unhexed).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
