//! A source as it is written, with what it uses of a shared part, by the rules that `definition/shared.rs` has for values.
use super::canonical::Canonical;

/// The source with the shared part below it. What the source says itself wins, entry by entry.
pub(super) fn merged(mut source: Canonical, part: Canonical) -> Canonical {
    for (key, shared) in part.entries() {
        match key.as_str() {
            "headers" | "query" => {
                requests(&mut source, &mut |request| complete(entry(request, &key), shared.clone(), &key))
            }
            "limits" => limits(entry(&mut source, "limits"), shared),
            "trust" => match (entry(&mut source, "trust"), shared) {
                (Canonical::List(own), Canonical::List(more)) => own.extend(more),
                (own, shared) => *own = shared,
            },
            // Asked after those of the source, so the order of both stays.
            "responses" => match entry(&mut source, "responses") {
                Canonical::Map(own) => own.extend(shared.entries()),
                own => *own = shared,
            },
            // They count by their values.
            "params" => {}
            _ => {
                if let own @ Canonical::Plain(_) = entry(&mut source, &key) {
                    *own = shared;
                }
            }
        }
    }
    source
}

/// Changes the list of a source, its detail and its parent calls.
fn requests(source: &mut Canonical, change: &mut dyn FnMut(&mut Canonical)) {
    source.get_mut("request").into_iter().for_each(&mut *change);
    calls(source, &mut |_, call| call.get_mut("request").into_iter().for_each(&mut *change));
}

/// The calls besides the list, each by its name.
pub(super) fn calls(source: &mut Canonical, each: &mut dyn FnMut(&str, &mut Canonical)) {
    source.get_mut("detail").into_iter().for_each(|detail| each("detail", detail));
    if let Some(Canonical::Map(partitions)) = source.get_mut("for") {
        for (name, partition) in partitions {
            partition.get_mut("call").into_iter().for_each(|call| each(&format!("for.{name}"), call));
        }
    }
}

/// The member of a map; null where it is not written.
fn entry<'c>(map: &'c mut Canonical, key: &str) -> &'c mut Canonical {
    if !matches!(map, Canonical::Map(_)) {
        *map = Canonical::Map(Vec::new());
    }
    let Canonical::Map(entries) = map else { return map };
    let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        entries.push((key.to_owned(), Canonical::Plain("null".into())));
        entries.len() - 1
    });
    &mut entries[at].1
}

/// Adds entries whose names are not there yet; names of headers have no case.
fn complete(own: &mut Canonical, shared: Canonical, key: &str) {
    let same = |a: &str, b: &str| if key == "headers" { a.eq_ignore_ascii_case(b) } else { a == b };
    match own {
        Canonical::Map(own) => {
            for (name, value) in shared.entries() {
                if !own.iter().any(|(known, _)| same(known, &name)) {
                    own.push((name, value));
                }
            }
        }
        own => *own = shared,
    }
}

/// Limits member by member, and those of `retry` once more.
fn limits(own: &mut Canonical, shared: Canonical) {
    if let (Some(own), Some(retry)) = (own.get_mut("retry"), shared.get("retry")) {
        complete(own, retry.clone(), "retry");
    }
    complete(own, shared, "limits");
}
