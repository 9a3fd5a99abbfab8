//! The test vectors of PROTOCOL.md, for the tests that compare with them what this crate encodes. They are computed, from the
//! document alone, by `tests/tests/vectors`.

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

/// Names and bytes of all lines of a block. What is indented goes on with the line before.
pub(crate) fn block(name: &str) -> Vec<(String, Vec<u8>)> {
    let fence = format!("```vectors {name}\n");
    let (_, contents) = DOCUMENT.split_once(&fence).expect("a block of the document");
    let (contents, _) = contents.split_once("```").expect("a block has an end");
    let joined = contents.replace("\n    ", " ");
    let lines = joined.lines().filter(|line| !line.starts_with('#'));
    let vectors = lines.map(|line| line.rsplit_once(" =").expect("a name, and bytes"));
    vectors.map(|(name, bytes)| (name.to_owned(), unhex(bytes))).collect()
}

/// The bytes of one line.
pub(crate) fn vector(block_name: &str, name: &str) -> Vec<u8> {
    let found = block(block_name).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no vector {name:?}")).1
}

/// The bytes of one line, which has so many.
pub(crate) fn array<const N: usize>(block_name: &str, name: &str) -> [u8; N] {
    vector(block_name, name).try_into().expect("as many bytes as expected")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("hexadecimal digits"))
        .collect()
}
