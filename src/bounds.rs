//! What an answer may cost at most, in one place: whoever reads what a stranger sends takes its bound from here.
//!
//! Together they keep the memory of a run within 64 MiB of what a run of three records needs, whatever is answered
//! (`cli/tests/hostile/` measures it). `docs/limits.md` says what becomes of what lies above.

/// Bytes of a body as received, and of one unpacked.
pub const BODY: usize = 128 << 20;
/// Times that a packed body may grow, behind its first [`GROWN`] bytes.
pub const RATIO: usize = 200;
/// Unpacked bytes from which [`RATIO`] counts.
pub const GROWN: usize = 1 << 20;
/// Layers of packing that are taken off: some servers pack what is packed.
pub const LAYERS: usize = 4;
/// Bytes of an answer to a token call.
pub const TOKEN: usize = 1 << 20;
/// Bytes of a token: servers take no more in a header, and its spellings are looked for in all that is said.
pub const CREDENTIAL: usize = 16 << 10;
/// Bytes of an answer with documents, of a server that stores offers.
pub const DOCUMENTS: usize = 32 << 20;
/// Bytes of what it says of what was written.
pub const WRITTEN: usize = 4 << 20;
/// Bytes of what it says of itself. It is read into values, each of which may cost 30 times its text.
pub const ASKED: usize = 2 << 20;
/// Bytes of the headers of an answer, their names among them.
pub const HEADERS: usize = 64 << 10;

/// Bytes of a body, or of what is written of a page, that are held in memory; more goes to a file without a name.
pub const HELD: usize = 1 << 20;
/// Bytes of a page that wait in memory for the rest of it: of its details, and of the contents of its offers.
pub const WAITING: usize = 4 << 20;

/// Bytes of the parts of pages that wait to be written by one run, as they lie in memory.
pub const WRITING: usize = 12 << 20;

/// Bytes that the tree of one value takes: of a record, of a detail, or of what stands around the records.
pub const TREE: usize = 8 << 20;
/// Bytes that the tree of a whole page takes where its records cannot be read one by one. One such page is read at a time.
pub const WHOLE_TREE: usize = 24 << 20;
/// Brackets inside brackets.
pub const DEPTH: usize = 128;
/// Bytes of a text in an answer, and of a text in a field; it is cut behind them.
pub const TEXT: usize = 1 << 20;
/// Bytes of the texts of an offer, together.
pub const OFFER: usize = 2 << 20;
/// Elements of a list in a field.
pub const LIST: usize = 10_000;
/// Bytes of the keys of one part of a page, together.
pub const KEYS: usize = 256 << 10;
/// Bytes of a raw record that are kept beside a reject.
pub const RAW: usize = 64 << 10;
/// Characters of a message about a record.
pub const MESSAGE: usize = 500;

/// Records of a page that are read.
pub const RECORDS: u32 = 500_000;
/// The same where they cannot be read one by one.
pub const WHOLE_RECORDS: usize = 20_000;
/// Values of a page that were read otherwise than they are written, as far as they are told.
pub const NOTES: usize = 10_000;
/// Flaws of one record that are counted.
pub const RECORD_FLAWS: usize = 100;

/// Bytes of a cursor, or of the address of a next page.
pub const CURSOR: usize = 64 << 10;
/// Bytes of the values that a parent call brings.
pub const PARENT_BYTES: usize = 16 << 20;

/// Pages of a source in flight, each of which takes memory.
pub const PARALLEL: u64 = 256;

/// Levels of HTML that are read as a browser reads it; deeper HTML loses its tags and keeps its text.
pub const HTML_DEPTH: usize = 200;
/// Bytes of it, likewise: a page for people has fewer.
pub const HTML: usize = 256 << 10;
/// Attributes of one tag, likewise.
pub const HTML_ATTRIBUTES: usize = 200;

/// The beginning of a text, cut at a character.
pub fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
