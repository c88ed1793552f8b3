//! The secrets of the process, and how they are found in a text: all at once, in what the text says when its escapes are
//! undone. The work is linear in the text, and the memory in the secrets.
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use xxhash_rust::xxh3::xxh3_64;

use super::spelling::{DEEP, Plain, plain, undone};

/// Shorter values are not masked: they hide nothing, and text would be full of holes.
const SHORTEST: usize = 4;
/// From this length on a value is known in capitals and small letters too, as a host is written in these. A shorter one may
/// be a word.
const FOLDED: usize = 10;
/// Values of one name that are known, the latest: a process that runs for months wins a token each hour.
const LATEST: usize = 8;
/// Bytes behind a bound in which the rest of a secret is looked for.
const REACH: usize = 1 << 20;

/// What was to be hidden so far; compiled when it is asked for.
static NAMED: LazyLock<Mutex<Named>> = LazyLock::new(Mutex::default);
/// `None` where more was hidden since it was compiled. Written only while [`NAMED`] is held.
static KNOWN: RwLock<Option<Arc<Known>>> = RwLock::new(None);

/// Secrets in the order in which they came, each value once.
#[derive(Default)]
struct Named {
    secrets: Vec<(String, SecretString)>,
    /// Hashes of the values.
    values: HashSet<u64>,
    /// How many values of a name there are.
    counts: HashMap<String, usize>,
}

/// The secrets that are known, and what finds them.
#[derive(Default)]
pub(super) struct Known {
    named: Vec<(String, SecretString)>,
    /// Finds the spellings; `None` where there are none, or too many to be found: then nothing is shown at all.
    finder: Option<AhoCorasick>,
    /// Which of `named` each spelling is, and whether small letters may stand for capitals in it.
    spellings: Vec<(usize, bool)>,
    /// Bytes of the longest one.
    longest: usize,
}

/// A secret in a text.
pub(super) struct Found<'k> {
    pub start: usize,
    pub end: usize,
    pub name: &'k str,
    pub secret: &'k SecretString,
}

/// Masks secrets from now on. The name stands for one in what is kept, so it must be the same in each process.
pub fn hide(secrets: impl IntoIterator<Item = (String, SecretString)>) {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut more = false;
    for (name, secret) in secrets {
        more |= named.add(name.replace(|sign: char| !is_named(sign), "_"), secret);
    }
    if more {
        *KNOWN.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// All that is hidden.
pub(super) fn known() -> Arc<Known> {
    if let Some(known) = &*KNOWN.read().unwrap_or_else(PoisonError::into_inner) {
        return known.clone();
    }
    let named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = Arc::new(Known::of(named.secrets.clone()));
    *KNOWN.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
    known
}

/// Whether a name of a secret may hold this sign.
pub(super) fn is_named(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-')
}

impl Named {
    /// Whether it is new, and long enough to hide something.
    fn add(&mut self, name: String, secret: SecretString) -> bool {
        let value = secret.expose_secret();
        if value.len() < SHORTEST || !self.values.insert(xxh3_64(value.as_bytes())) {
            return false;
        }
        let count = self.counts.entry(name.clone()).or_default();
        if *count < LATEST {
            *count += 1;
        } else if let Some(oldest) = self.secrets.iter().position(|(known, _)| *known == name) {
            let (_, oldest) = self.secrets.remove(oldest);
            self.values.remove(&xxh3_64(oldest.expose_secret().as_bytes()));
        }
        self.secrets.push((name, secret));
        true
    }
}

impl Known {
    fn of(named: Vec<(String, SecretString)>) -> Self {
        let (mut patterns, mut own, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (index, (_, secret)) in named.iter().enumerate() {
            for (spelling, folded) in spellings(secret.expose_secret()) {
                if seen.insert(spelling.clone()) {
                    own.push((index, folded));
                    patterns.push(spelling);
                }
            }
        }
        let longest = named.iter().map(|(_, secret)| secret.expose_secret().len()).max().unwrap_or(0);
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true);
        let finder = builder.kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns).ok();
        Known { named, finder, spellings: own, longest }
    }

    /// Bytes that a secret takes in a text as far as that is looked at: each of its bytes encoded in an address, and these
    /// twice again.
    pub(super) fn reach(&self) -> usize {
        (self.longest * 12).min(REACH)
    }

    /// The value of a name, the latest.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.named.iter().rev().find(|(known, _)| known == name).map(|(_, secret)| secret.expose_secret())
    }

    /// The secrets that begin in this part of a text, in order; where one is within another, the longer one.
    pub(super) fn find(&self, text: &str, from: usize, to: usize) -> Vec<Found<'_>> {
        if self.named.is_empty() || from >= to {
            return Vec::new();
        }
        let near = &text.as_bytes()[from..to.saturating_add(self.reach()).min(text.len())];
        let Some(finder) = &self.finder else {
            let (name, secret) = (self.named[0].0.as_str(), &self.named[0].1);
            return vec![Found { start: from, end: text.len(), name, secret }];
        };
        let mut found = Vec::new();
        if self.is_in(finder, near) {
            // An escape before a secret may swallow its first letters, so each layer is looked through by itself.
            let mut layer = Some(Plain::new(near));
            for _ in 0..=DEEP {
                let Some(plain) = layer else { break };
                self.find_in(finder, &plain, to - from, &mut found);
                layer = plain.undone();
            }
        }
        found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut all: Vec<Found<'_>> = Vec::new();
        for (start, end, index) in found {
            let (start, end) = (text.floor_char_boundary(from + start), text.ceil_char_boundary(from + end));
            match all.last_mut() {
                Some(last) if start < last.end => last.end = end.max(last.end),
                _ => all.push(Found { start, end, name: &self.named[index].0, secret: &self.named[index].1 }),
            }
        }
        all
    }

    /// Whether there is a secret at all: this way it costs little where there is none.
    fn is_in(&self, finder: &AhoCorasick, text: &[u8]) -> bool {
        let mut layer = Cow::Borrowed(text);
        for _ in 0..=DEEP {
            if finder.is_match(&*layer) {
                return true;
            }
            let Some(next) = undone(&layer) else { break };
            layer = Cow::Owned(next);
        }
        false
    }

    /// The secrets in one layer that begin before a bound: where, and which.
    fn find_in(&self, finder: &AhoCorasick, plain: &Plain, bound: usize, found: &mut Vec<(usize, usize, usize)>) {
        let mut at = 0;
        while let Some(matched) = finder.find(Input::new(&plain.bytes).range(at..)) {
            let (index, folded) = self.spellings[matched.pattern().as_usize()];
            let (start, end) = plain.place(matched.start(), matched.end());
            if start >= bound {
                break;
            }
            let same = folded || is_spelt(self.named[index].1.expose_secret(), &plain.bytes[matched.range()]);
            at = if same { matched.end() } else { matched.start() + 1 };
            if same {
                found.push((start, end, index));
            }
        }
    }
}

/// Whether a short secret is spelt with its own letters.
fn is_spelt(secret: &str, found: &[u8]) -> bool {
    spellings(secret).iter().any(|(spelling, _)| spelling == found)
}

/// What a text says where a secret stands in it, and whether letters of both sizes are the same there: the secret with its
/// own escapes undone, with the letters of JSON for control characters (`\n`), in Latin-1, and in base64.
fn spellings(secret: &str) -> Vec<(Vec<u8>, bool)> {
    let folded = secret.len() >= FOLDED;
    let mut spellings = vec![(secret.as_bytes().to_vec(), folded), (plain(secret.as_bytes()), folded)];
    let letters = secret.replace('\n', "n").replace('\r', "r").replace('\t', "t");
    spellings.push((plain(letters.as_bytes()), folded));
    if let Some(latin) = secret.chars().map(|sign| u8::try_from(u32::from(sign)).ok()).collect::<Option<Vec<u8>>>() {
        spellings.push((plain(&latin), folded));
    }
    // What is base64 itself may lose its padding, or have the signs of addresses.
    let bare = secret.trim_end_matches('=');
    if bare.len() >= FOLDED {
        for own in [bare.to_owned(), bare.replace('+', "-").replace('/', "_"), bare.replace('-', "+").replace('_', "/")]
        {
            spellings.push((plain(own.as_bytes()), folded));
        }
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        spellings.push((plain(engine.encode(secret).as_bytes()), false));
    }
    spellings.retain(|(spelling, _)| spelling.len() >= SHORTEST);
    spellings
}
