//! The document's fenced blocks of vectors.

use std::path::PathBuf;

/// Where a file of this repository is.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The contents of a block.
pub(crate) fn block<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let fence = format!("```vectors {name}\n");
    let contents = &document[document.find(&fence)? + fence.len()..];
    contents.find("```").map(|end| &contents[..end])
}

/// The document with other contents in a block.
pub(crate) fn replaced(document: &str, name: &str, contents: &str) -> String {
    let before = block(document, name).unwrap_or_else(|| panic!("the document has no block `{name}`"));
    let at = before.as_ptr() as usize - document.as_ptr() as usize;
    [&document[..at], contents, &document[at + before.len()..]].concat()
}
